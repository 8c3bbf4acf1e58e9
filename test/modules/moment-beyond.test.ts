import { mkdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { clock, commit, nothingRuns, SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside, ID } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { inWal, ours, PLACES, user } from './wal-here.ts';

/**
 * `barman.moment` by a shell of this machine: segment 6 is closed after the moment and has no commit after it. The one that
 * ends the recovery stands in segment 7.
 */

const name = (number: number): string => `00000001000000000000000${number}`;
const lsn = (number: number, offset: number): string =>
  `0/${(number * SIZE + offset).toString(16).toUpperCase()}`;
const seconds = (time: string): number => Number(clock(time) / 1_000_000n);
const MOMENT = '2026-11-22 10:00:30+00';

const segments = segmentsOf([
  [5, 1, [nothingRuns(100)]],
  [6, 1, [nothingRuns(100), commit(100, '10:00:10')]],
  [7, 1, [commit(101, '10:01:20')]],
]);
const WRITTEN: Readonly<Record<number, string>> = { 5: '09:00:02', 6: '10:01:00', 7: '10:01:30' };

async function lay(ground: LocalPlayground, path: string, number: number): Promise<void> {
  await inWal(ground, path, segments.get(number) ?? new Uint8Array());
  const at = seconds(WRITTEN[number] ?? '');
  await utimes(join(ground.dir, path), at, at);
}

/** The tail of this very host: segment 7, or the beginning of it. */
const tailOf = ({ dir }: LocalPlayground, partial: boolean) => ({
  ...{ node: 'here', pgdata: join(dir, 'node'), user, system_id: ours.own, histories: [] },
  files: [{ name: name(7), partial, time: String(seconds(WRITTEN[7] ?? '')) }],
});

/** Works where the archive of db1 has 5 and 6, and the node 7. */
async function after<T>(work: (ground: LocalPlayground) => Promise<T>): Promise<T> {
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
    for (const number of [5, 6]) await lay(ground, `${PLACES.wals}/${name(number)}`, number);
    await lay(ground, `node/pg_wal/${name(7)}`, 7);
    return work(ground);
  });
}

interface Answer {
  readonly save: readonly string[];
  readonly servers_used: readonly string[];
  readonly holds: readonly unknown[];
  readonly unheld: readonly string[];
  readonly stop: { readonly xid: number };
}

async function ask(ground: LocalPlayground, partial = false, more: object = {}): Promise<Answer> {
  const params = {
    backup: ID,
    server: 'db1',
    user,
    target: MOMENT,
    tails: [tailOf(ground, partial)],
    ...more,
  };
  const { result } = await ground.play.run('barman.moment', params);
  return result as unknown as Answer;
}

it.each([
  ['whole', false],
  ['as far as it was written', true],
])('the WAL that ends the recovery is saved where only a node has it, %s', async (_, partial) => {
  const { save, stop } = await after((ground) => ask(ground, partial));
  expect(stop.xid).toBe(101);
  expect(save).toEqual(['here']);
});

it.each([
  ['whole', ''],
  ['as far', '.partial'],
])('nobody is asked for it where an archive has it %s', async (_, ending) => {
  const { save, stop } = await after(async (ground) => {
    await lay(ground, `${PLACES.wals}/${name(7)}${ending}`, 7);
    return ask(ground, ending !== '');
  });
  expect(stop.xid).toBe(101);
  expect(save).toEqual([]);
});

it('the server that alone has it is among those that are to be asked', async () => {
  const used = await after(async (ground) => {
    await lay(ground, `${PLACES.other}/${name(7)}`, 7);
    return (await ask(ground)).servers_used;
  });
  expect(used).toEqual(['db1', 'other']);
  expect((await after((ground) => ask(ground))).servers_used).toEqual(['db1']);
});

const OWN = { server: 'db1', backup: ID };
const OLDER = { server: 'other', backup: '20261122T150000' };

async function backupOnOther({ dir }: LocalPlayground, { backup }: typeof OLDER): Promise<void> {
  const info = await readFile(join(dir, 'home/db1/base', ID, 'backup.info'));
  await mkdir(join(dir, 'home/other/base', backup), { recursive: true });
  await writeFile(join(dir, 'home/other/base', backup, 'backup.info'), info);
}

it('what is read of it is held there until the recovery is decided, and told where nothing can hold it', async () => {
  const told = (older: boolean) =>
    after(async (ground) => {
      await lay(ground, `${PLACES.other}/${name(7)}`, 7);
      if (older) await backupOnOther(ground, OLDER);
      const { holds, unheld } = await ask(ground);
      return { holds, unheld };
    });
  expect(await told(true)).toEqual({ holds: [OWN, OLDER], unheld: [] });
  expect(await told(false)).toEqual({ holds: [OWN], unheld: ['other'] });
  expect(await after((ground) => ask(ground))).toMatchObject({ holds: [OWN], unheld: [] });
});

it('what was proved to be needed counts, too: a copy that is broken is there by its name', async () => {
  const [earlier, wal] = ['20261122T140000', { servers_used: ['db1', 'other'], unheld: [] }];
  const proved = { ...wal, holds: [OWN, { ...OLDER, backup: earlier }] };
  await after(async (ground) => {
    expect(await ask(ground, false, { wal: proved })).toMatchObject(proved);
    await lay(ground, `${PLACES.other}/${name(7)}`, 7);
    await backupOnOther(ground, OLDER);
    expect(await ask(ground, false, { wal: proved })).toMatchObject(proved);
    const unheld = { ...wal, holds: [OWN], unheld: ['other'] };
    expect(await ask(ground, false, { wal: unheld })).toMatchObject(unheld);
  });
});
