import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { SIZE } from '../unit/recovery/wal/moment/segments.ts';
import { beside, ID } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { inWal, ours, PLACES, user } from './wal-here.ts';

/** `barman.backup: auto` by a shell of this machine, where WAL is missing behind every backup. */

const OLDER = '20261121T155813';
const name = (number: number): string => `00000001000000000000000${number}`;

/** A backup that begins and ends in this segment. */
async function laid({ dir }: LocalPlayground, id: string, number: number): Promise<void> {
  const base = join(dir, 'home/db1/base');
  if (id !== ID) await cp(join(base, ID), join(base, id), { recursive: true });
  const info = join(base, id, 'backup.info');
  const at = (offset: number): string => `0/${(number * SIZE + offset).toString(16).toUpperCase()}`;
  const of = {
    ...{ begin_wal: name(number), end_wal: name(number), begin_xlog: at(40), end_xlog: at(60) },
    xlog_segment_size: SIZE,
  };
  let text = await readFile(info, 'utf8');
  for (const [key, value] of Object.entries(of))
    text = text.replace(new RegExp(`^${key}=.*$`, 'm'), `${key}=${value}`);
  if (id === OLDER) text = text.replace(/^(begin|end)_time=2026-11-22/gm, '$1_time=2026-11-21');
  await writeFile(info, text);
}

/** What is chosen with these segments in the archive; the older backup begins in 3, the newer one in 6. */
async function chosen(segments: readonly number[], accept_gap: boolean) {
  await using ground = await localPlayground();
  return await beside(ground, ours, async () => {
    await laid(ground, OLDER, 3);
    await laid(ground, ID, 6);
    for (const number of segments)
      await inWal(ground, `${PLACES.wals}/${name(number)}`, new Uint8Array(SIZE).fill(1));
    const params = { id: 'auto', target: 'latest', accept_gap, user };
    const asked = ground.play.run('barman.backup', params);
    return asked.then(
      ({ result }) => ({ id: result?.id, why: result?.why }),
      async () => ({ code: (await errorOf(asked)).code }),
    );
  });
}

it('the newest backup is taken up to the gap, once that is accepted', async () => {
  expect(await chosen([3, 4, 6, 7, 9], false)).toEqual({ code: 'wal-missing' });
  expect(await chosen([3, 4, 6, 7, 9], true)).toEqual({
    id: ID,
    why: [
      `${ID} of server db1 is the newest backup from which WAL leads to a gap that was accepted, and no farther: ${name(8)} is missing.`,
    ],
  });
});

it('of one that WAL does not even make consistent nothing is left by an accepted gap: an older one is taken', async () => {
  expect(await chosen([3, 4, 7, 9], true)).toEqual({
    id: OLDER,
    why: [
      expect.stringContaining(`${OLDER} of server db1`),
      `Passed over: ${ID} of server db1: WAL is missing on its way: ${name(6)} and 1 more.`,
    ],
  });
});

it('nothing is up to a gap where WAL leads all the way, nor where it makes no backup consistent', async () => {
  const all = await chosen([3, 4, 6, 7], true);
  expect(all).toMatchObject({ id: ID, why: [expect.stringContaining('to the end of what is archived')] });
  expect(await chosen([4, 5, 9], true)).toEqual({ code: 'wal-missing' });
});
