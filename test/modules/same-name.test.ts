import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commit, nothingRuns, restorePoint, SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside, ID } from './barman-here.ts';
import { localPlayground } from './playground.ts';
import { inWal, ours, PLACES, user } from './wal-here.ts';

/** Restore points of one name, in an archive that is searched by a shell of this machine. */

const name = (number: number): string => `00000001000000000000000${number}`;
const lsn = (number: number, offset: number): string =>
  `0/${(number * SIZE + offset).toString(16).toUpperCase()}`;

const segments = segmentsOf([
  [5, 1, [nothingRuns(100), commit(100, '10:00:00')]],
  [6, 1, [restorePoint('release', '10:00:10'), commit(101, '10:00:20'), restorePoint('once', '10:00:30')]],
  [7, 1, [commit(102, '10:01:00'), restorePoint('release', '10:01:10')]],
  [8, 1, [restorePoint('release', '10:02:10'), commit(103, '10:02:20')]],
]);

async function ask(module: 'barman.moment' | 'barman.backup', target: unknown) {
  await using ground = await localPlayground();
  return await beside(ground, ours, async () => {
    const info = join(ground.dir, 'home/db1/base', ID, 'backup.info');
    let text = await readFile(info, 'utf8');
    const of = {
      ...{ begin_wal: name(5), end_wal: name(5), begin_xlog: lsn(5, 40), end_xlog: lsn(5, 60) },
      ...{ begin_time: '2026-11-22 09:00:00+00:00', end_time: '2026-11-22 09:00:01+00:00' },
      xlog_segment_size: SIZE,
    };
    for (const [key, value] of Object.entries(of))
      text = text.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`);
    await writeFile(info, text);
    for (const [number, bytes] of segments) await inWal(ground, `${PLACES.wals}/${name(number)}`, bytes);
    const which = module === 'barman.backup' ? { id: 'auto' } : { backup: ID };
    const { result } = await ground.play.run(module, { ...which, server: 'db1', user, target });
    return { result, warned: ground.play.warnings.join('\n') };
  });
}

it.each(['barman.moment', 'barman.backup'] as const)(
  '%s stops at the first restore point of a name, and tells where the others are',
  async (module) => {
    const { result, warned } = await ask(module, { name: 'release' });
    expect(result).toMatchObject({ target: { found_at: lsn(6, 40) } });
    expect(warned).toMatch(
      /same name: of 2026-11-22 10:01:10\+00 at position 0\/7\w+, of 2026-11-22 10:02:10\+00 at position 0\/800028\. /,
    );
    expect(warned).toMatch(/target_lsn=0\/7\w+$/);
  },
);

it.each(['barman.moment', 'barman.backup'] as const)(
  '%s warns of nothing where a name was given once, or a transaction is looked for',
  async (module) => {
    const once = await ask(module, { name: 'once' });
    expect(once.result).toMatchObject({ target: { name: 'once' } });
    expect(once.warned).toBe('');
    const xid = await ask(module, { xid: 101 });
    expect(xid.result).toMatchObject({ target: { xid: 101 } });
    expect(xid.warned).toBe('');
  },
);
