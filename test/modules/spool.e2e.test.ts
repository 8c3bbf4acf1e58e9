import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed, type Seed } from '../../lab/seed.ts';
import { type DatabaseHost, databaseHosts, dataDirectory } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { fillSmall, SMALL } from '../faults/inject-disk.ts';
import { errorOf } from '../support/errors.ts';
import { sharedLab } from '../support/lab.ts';
import { labPlayground } from './lab-playground.ts';
import type { Playground } from './playground.ts';

const SIZE = 16 * 1024 * 1024;

let lab: Lab;
let play: Playground;
let seed: Seed;
let target: DatabaseHost;
let wals: string;
/** Names of what the archive holds, in order. */
let archived: readonly string[];

beforeAll(async () => {
  lab = await sharedLab();
  play = labPlayground(lab.prefix);
  seed = await labSeed(lab, silent);
  const leader = await currentLeader(lab);
  target = databaseHosts.find((host) => host !== leader) ?? 'db2';
  wals = `/var/lib/barman/${seed.backup.server}/wals`;
  archived = await lastThree();
  // A lab that was just made has two.
  for (; archived.length < 3; archived = await lastThree()) await archiveCurrentWal(lab, leader);
});

async function lastThree(): Promise<readonly string[]> {
  const named = ['-name', '????????????????????????', '-printf', '%f\n'];
  const listed = await lab.mustExec('barman', ['find', wals, ...named]);
  const timeline = seed.lastArchivedWal.slice(0, 8);
  return listed
    .trim()
    .split('\n')
    .filter((name) => name.startsWith(timeline))
    .toSorted()
    .slice(-3);
}

afterAll(() => play.close());

const directory = (): string => `${dataDirectory(target)}.test-spool`;

function params(over: Readonly<Record<string, unknown>> = {}) {
  const runs = archived.map((name) => ({ server: seed.backup.server, wals, first: name, last: name }));
  return { directory: directory(), wal: { segment_size: SIZE, runs }, limit: 10 * SIZE, ...over };
}

async function inSpool(): Promise<readonly string[]> {
  const listed = await lab.exec(target, [
    'find',
    directory(),
    '-name',
    '????????????????????????',
    '-printf',
    '%f\n',
  ]);
  return listed.stdout
    .trim()
    .split('\n')
    .filter((name) => name !== '')
    .toSorted();
}

function until(names: readonly string[]): Promise<readonly string[]> {
  return waitFor({
    what: `the spool to hold ${names.length} segments`,
    deadlineMs: 300_000,
    everyMs: 200,
    attempt: inSpool,
    done: (seen) => seen.join() === names.join(),
    describe: (seen) => seen.join(', '),
  });
}

async function sums(host: DatabaseHost | 'barman', script: string): Promise<string> {
  return (await lab.mustExec(host, ['sh', '-c', script])).trim();
}

const undo = async (): Promise<void> => {
  await play.run('barman.spool', { directory: directory(), state: 'absent' }, target);
  expect((await lab.exec(target, ['ls', '-d', directory()])).exitCode).not.toBe(0);
  expect((await lab.exec(target, ['pgrep', '-f', `pitr-spool ${directory()}`])).exitCode).toBe(1);
};

afterEach(async () => {
  await play.run('barman.spool', { directory: directory(), state: 'absent' }, target);
});

describe('a spool', () => {
  it('gets what the archive holds, byte for byte, unpacked, and is gone afterwards with what fills it', async () => {
    const [packed = ''] = archived;
    const path = `${wals}/${packed.slice(0, 16)}/${packed}`;
    const before = await sums('barman', `sha256sum <${path}`);
    await lab.mustExec('barman', [
      'sh',
      '-c',
      `gzip -c ${path} >${path}.gz && cat ${path}.gz >${path} && rm ${path}.gz`,
    ]);
    try {
      expect((await play.run('barman.spool', params(), target)).status).toBe('changed');
      await until(archived);
      expect(await sums(target, `sha256sum <${directory()}/${packed}`)).toBe(before);
      expect((await play.run('barman.spool', params(), target)).status).toBe('ok');
      await undo();
    } finally {
      await lab.mustExec('barman', [
        'sh',
        '-c',
        `gzip -dc <${path} >${path}.plain; cat ${path}.plain >${path}; rm ${path}.plain`,
      ]);
    }
    expect(await sums('barman', `sha256sum <${path}`)).toBe(before);
  });

  it('holds no more than its limit, and goes on as segments are taken, also after what fills it was killed', async () => {
    await play.run('barman.spool', params({ limit: 2 * SIZE }), target);
    await until(archived.slice(0, 2));
    await lab.mustExec(target, [
      'sh',
      '-c',
      `kill -KILL -$(cat ${directory()}/pid); rm ${directory()}/${archived[0]}`,
    ]);
    expect((await play.run('barman.spool', params({ limit: 2 * SIZE }), target)).status).toBe('changed');
    await until(archived.slice(1));
    await undo();
  });

  it('takes nothing that does not come whole', async () => {
    const [, cut = ''] = archived;
    const path = `${wals}/${cut.slice(0, 16)}/${cut}`;
    await lab.mustExec('barman', ['sh', '-c', `cp -p ${path} /tmp/whole && truncate -s 5M ${path}`]);
    try {
      await play.run('barman.spool', params(), target);
      await until(archived.slice(0, 1));
      await waitFor({
        what: 'what fills the spool to end',
        deadlineMs: 300_000,
        everyMs: 200,
        attempt: async () => (await lab.exec(target, ['test', '-e', `${directory()}/pid`])).exitCode,
        done: (exitCode) => exitCode === 1,
        describe: () => 'it is at work',
      });
      expect(await inSpool()).toEqual(archived.slice(0, 1));
    } finally {
      await lab.mustExec('barman', ['sh', '-c', `cat /tmp/whole >${path}; rm /tmp/whole`]);
    }
    await undo();
  });

  it('gives its room back where the disk is full', async () => {
    const small = `${SMALL}/test-spool`;
    const mend = await fillSmall(lab, target, 20 * 1024);
    try {
      await play.run('barman.spool', params({ directory: small }), target);
      await waitFor({
        what: 'the spool to give up',
        deadlineMs: 300_000,
        everyMs: 200,
        attempt: async () => (await lab.exec(target, ['sh', '-c', `ls ${small}`])).stdout,
        // One segment has come, the next one had no room.
        done: (seen) => /^last$/m.test(seen) && !/^(?:[0-9A-F]{24}|part|pid)$/m.test(seen),
        describe: (seen) => seen,
      });
    } finally {
      await play.run('barman.spool', { directory: small, state: 'absent' }, target);
      await mend();
    }
  });

  it('is never made of, and never removed with, what is somebody else’s', async () => {
    await lab.mustExec(target, ['sh', '-c', `mkdir ${directory()} && touch ${directory()}/mine`], {
      user: 'postgres',
    });
    try {
      const refused = { kind: 'refused', code: 'spool-place-in-use' };
      expect(await errorOf(play.run('barman.spool', params(), target))).toMatchObject(refused);
      const removed = await play.run('barman.spool', { directory: directory(), state: 'absent' }, target);
      expect(removed.status).toBe('ok');
      await lab.mustExec(target, ['test', '-e', `${directory()}/mine`]);
    } finally {
      await lab.mustExec(target, ['rm', '-r', directory()]);
    }
  });
});
