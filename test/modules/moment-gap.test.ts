import { readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { productPlaybooks } from '../../lib/language/playbook/assets.ts';
import { play } from '../engine/support.ts';
import { clock, commit, nothingRuns, SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside, ID } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { inWal, ours, PLACES, user } from './wal-here.ts';

/** An accepted gap by a shell of this machine: segment 6 is missing, and the moment stands in segment 7. */

const name = (number: number): string => `00000001000000000000000${number}`;
const lsn = (number: number, offset: number): string =>
  `0/${(number * SIZE + offset).toString(16).toUpperCase()}`;
const MOMENT = '2026-11-22 10:01:00+00';
/** After one record of the checkpointer: what closes segment 5. */
const END = { lsn: lsn(5, 96), stops_at: lsn(6, 0) };

const segments = segmentsOf([
  [5, 1, [nothingRuns(100)]],
  [6, 1, [commit(100, '10:00:10')]],
  [7, 1, [commit(101, '10:01:20')]],
]);
const WRITTEN: Readonly<Record<number, string>> = { 5: '10:00:00', 6: '10:00:20', 7: '10:01:30' };

async function lay(
  ground: LocalPlayground,
  number: number,
  path = `${PLACES.wals}/${name(number)}`,
): Promise<void> {
  await inWal(ground, path, segments.get(number) ?? new Uint8Array());
  const at = Number(clock(WRITTEN[number] ?? '') / 1_000_000n);
  await utimes(join(ground.dir, path), at, at);
}

/** Works where the archive has these, and the backup begins and ends in 5. */
async function beforeGap(
  work: (ground: LocalPlayground) => Promise<void>,
  archived: readonly number[] = [5, 7],
): Promise<void> {
  await using ground = await localPlayground();
  await beside(ground, ours, async () => {
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
    for (const number of archived) await lay(ground, number);
    await work(ground);
  });
}

const asked = { backup: ID, server: 'db1', user };

it('what comes back into the archive does not lead past the gap: recovery stops at the last record before it', async () => {
  await beforeGap(async ({ play }) => {
    const { result } = await play.run('barman.moment', { ...asked, target: MOMENT, accept_gap: true });
    expect(result).toMatchObject({ target: { time: 'latest' }, aim: END });
    expect(result?.partial).toBeUndefined();
    expect(result?.notes).toContain(
      `It stops there also when the missing WAL is found meanwhile: after the last record before the gap, at position ${END.lsn}.`,
    );
  });
});

it('a recovery that stops there needs nothing that is missing, and nobody is asked for the gap again', async () => {
  await beforeGap(async (ground) => {
    const proof = { ...asked, target: END, timeline: 1 };
    const { result } = await ground.play.run('barman.wal', proof);
    expect(result).toMatchObject({ last: name(5), archived_until: { wal: name(5) } });
    expect(result?.gap).toBeUndefined();
    await lay(ground, 6);
    expect((await ground.play.run('barman.wal', proof)).result).toMatchObject({ last: name(5), segments: 1 });
  });
});

it('how far the way leads tells that the gap has closed since', async () => {
  await beforeGap(async (ground) => {
    const until = async (target: unknown) => {
      const { result } = await ground.play.run('barman.wal', { ...asked, target, accept_gap: true });
      return { gap: result?.gap !== undefined, until: Object(result?.archived_until).wal };
    };
    expect(await until(MOMENT)).toEqual({ gap: true, until: name(5) });
    expect(await until('latest')).toEqual({ gap: true, until: name(5) });
    await lay(ground, 6);
    expect(await until('latest')).toEqual({ gap: false, until: name(7) });
  });
});

describe('a gap behind which only a node has WAL', () => {
  /** What the recovery aims at once it has archived what it needs, as recover.yml and spare.yml go about it. */
  async function aimed({ dir }: LocalPlayground, mode: 'run' | 'check') {
    const tasks = join(productPlaybooks(), 'tasks');
    const file = { name: name(7), partial: false, time: '1795341690' };
    const tail = { node: 'one', pgdata: join(dir, 'node'), user, system_id: ours.own, histories: [] };
    const extraVars = {
      ...{ barman_host: 'one', barman_user: user, accept_gap: true, marker: false },
      ...{ base: { id: ID, server: 'db1', begin_wal: name(5), target: MOMENT }, cluster: {} },
      tails: [{ ...tail, files: [file] }],
    };
    const inventory = join(dir, 'inventory.yml');
    const hosts = { one: {} };
    const node = { pgdata: join(dir, 'node'), pg_bin: '/usr/bin', pg_user: user, barman_server: 'db1' };
    const all = { vars: { ansible_connection: 'local', ...node }, children: { patroni: { hosts } } };
    await writeFile(inventory, JSON.stringify({ all }));
    const yaml = `- hosts: one
  defaults_files: [${join(productPlaybooks(), 'vars/recovery.yml')}]
  tasks:
    - import_tasks: ${tasks}/prove-wal.yml
    - import_tasks: ${tasks}/archive-first.yml
    - core.debug: "{{ json (dict aim=(default aimed_now.aim aimed.aim) until=wal_now.archived_until.wal) }}"
`;
    const { outcome, messages } = await play(yaml, { mode, extraVars, inventories: [inventory] });
    return outcome.status === 'ok' ? JSON.parse(messages.at(-1) ?? '') : outcome.error?.toJSON();
  }

  it.each(['run', 'check'] as const)('is where it was, and recovery stops before it: %s', async (mode) => {
    await beforeGap(
      async (ground) => {
        await lay(ground, 7, `node/pg_wal/${name(7)}`);
        expect(await aimed(ground, mode)).toEqual({ aim: END, until: name(5) });
      },
      [5],
    );
  });

  it('is where it was also where an archive has the beginning of what is missing', async () => {
    await beforeGap(
      async (ground) => {
        await lay(ground, 6, `${PLACES.wals}/${name(6)}.partial`);
        await lay(ground, 7, `node/pg_wal/${name(7)}`);
        expect(await aimed(ground, 'run')).toEqual({ aim: END, until: name(5) });
      },
      [5],
    );
  });
});
