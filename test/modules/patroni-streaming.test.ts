import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import type { FakePatroni } from '../support/fake-patroni.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { pair, STREAMS } from './patroni-pair.ts';

type Pair = Awaited<ReturnType<typeof pair>>;

const manager = (words: string) => ({ supervisorctl: `echo "patroni ${words}"` });
const UP = manager('RUNNING pid 7, uptime 0:00:01');
const DOWN = manager('STOPPED Nov 28 01:00 AM');

/** What the DCS tells where no Patroni does: it names a leader, and no address of a REST API. */
const dcs = (p: Pair) => ({
  patronictl: `case "$*" in *list*) echo '${JSON.stringify(
    p.cluster.members.map(({ name, role }) => ({
      ...{ Cluster: 'c1', Member: name, Host: '127.0.0.1:1', Role: role, State: 'running', TL: 2 },
    })),
  )}' ;; *) exit 1 ;; esac`,
});

const silent = ({ told }: FakePatroni) => {
  for (const path of Object.keys(told)) told[path] = undefined;
};
const blind = (role: string) => ({ code: 503, body: { state: 'unknown', role } });

it.each<readonly [string, (p: Pair) => unknown, RegExp]>([
  ['its Patroni does not answer', (p) => silent(p.own), /its Patroni does not answer/],
  ['the leader does not answer', (p) => silent(p.leader), /leader db2 does not answer/],
  [
    'the leader could not ask its own PostgreSQL',
    (p) => Object.assign(p.leader.told, { '/patroni': blind('primary') }),
    /says that it is a leader \(unknown\)/,
  ],
  [
    'its Patroni could not ask its own PostgreSQL',
    (p) => Object.assign(p.own.told, { '/patroni': blind('replica') }),
    /its state is unknown/,
  ],
  ['its PostgreSQL lets nobody in', (p) => p.psql('exit 2'), /does not let us in/],
])('a replica of which nobody can tell is not told to follow nobody: %s', async (_, makeBlind, words) => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  await makeBlind(p);
  const error = await errorOf(p.streaming());
  expect(error).toMatchObject({ code: 'streaming-unknown', message: expect.stringMatching(words) });
  expect(error.details.join('\n')).not.toContain('It looks healthy in that list and is not');
});

it.each<readonly [string, Readonly<Record<string, string>>, (p: Pair) => unknown, RegExp]>([
  [
    'it is on an old timeline',
    UP,
    (p) => Object.assign(p.own.told, { '/patroni': { ...p.replica, timeline: 1 } }),
    /timeline 1, the leader on 2/,
  ],
  [
    'its Patroni hangs, and it receives nothing',
    UP,
    (p) => {
      Object.assign(p.own.told, { '/patroni': undefined });
      return p.psql(`echo '{"receiver": null, "delayed": false}'`);
    },
    /it receives no WAL/,
  ],
  ['its Patroni is down', DOWN, (p) => silent(p.own), /its Patroni is down/],
  [
    'no PostgreSQL works there',
    UP,
    async (p) => {
      await p.psql('exit 2');
      silent(p.own);
      await p.postgres.end();
    },
    /no PostgreSQL works in/,
  ],
])('a replica is told not to follow by what is seen: %s', async (_, programs, make, words) => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...programs, ...dcs(p) });
  await make(p);
  const { result } = await p.streaming();
  expect(result).toMatchObject({ streaming: false });
  expect(JSON.stringify(result.flaws)).toMatch(words);
});

it.each<readonly [string, (p: Pair) => unknown]>([
  ['member-leads', (p) => Object.assign(p.own.told, { '/patroni': { ...p.replica, role: 'primary' } })],
  [
    'no-leader',
    (p) => {
      const [replica, leader] = p.cluster.members;
      const members = [replica, { ...leader, role: 'replica' }];
      Object.assign(p.own.told, { '/cluster': { ...p.cluster, members } });
    },
  ],
])('one that leads, or has nobody to follow, is none that may be rebuilt: %s', async (code, make) => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  make(p);
  expect(await errorOf(p.streaming())).toMatchObject({ code });
});

/** A leader that writes: each look at the member shows more that it has received, and nothing more that it has replayed. */
function underWrites(p: Pair, own: Readonly<Record<string, unknown>>): Promise<void> {
  let received = 1000;
  p.own.told['/patroni'] = () => {
    received += 100;
    return { ...p.replica, xlog: { replayed_location: 100, received_location: received } };
  };
  Object.assign(p.leader.told, { '/patroni': { ...p.leads, xlog: { location: 1000 } } });
  return p.psql(`echo '${JSON.stringify({ ...STREAMS, ...own })}'`);
}

it.each([
  ['paused by hand', 'replay-paused', { paused: true, waits: 'RecoveryPause' }],
  ['held by a query', 'streaming-unknown', { paused: false, waits: 'RecoveryConflictSnapshot' }],
])('a replay that stands still while the leader writes ends the wait: %s', async (_, code, own) => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  await underWrites(p, own);
  expect(await errorOf(p.streaming())).toMatchObject({ code });
});

it('what is received and cannot be replayed while the leader writes is of another history', async () => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  await underWrites(p, { paused: false, waits: 'RecoveryWalStream' });
  expect((await p.streaming()).result).toMatchObject({ streaming: false });
});

it('a PostgreSQL that lets nobody in ends the wait while the leader writes', async () => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  await underWrites(p, {});
  await p.psql('exit 2');
  expect(await errorOf(p.streaming())).toMatchObject({ code: 'streaming-unknown' });
});

it('nobody who tells of the cluster for a moment does not end the wait', async () => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, patronictl: 'exit 1' });
  let looks = 0;
  p.own.told['/cluster'] = () => {
    looks += 1;
    return looks <= 1 ? undefined : p.cluster;
  };
  Object.assign(p.own.told, { '/patroni': { ...p.replica, timeline: 1 } });
  expect((await p.streaming(5)).result).toMatchObject({ streaming: false });
});

it('nobody who tells of the cluster for the whole wait ends it in those words', async () => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, patronictl: 'exit 1' });
  silent(p.own);
  expect(await errorOf(p.streaming())).toMatchObject({ code: 'patroni-silent' });
});

it('one that the archive alone feeds is not told to follow nobody: its data is compared', async () => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  const [replica, leader] = p.cluster.members;
  const polls = { ...replica, state: 'in archive recovery', tags: { nostream: true } };
  Object.assign(p.own.told, { '/cluster': { ...p.cluster, members: [polls, leader] } });
  Object.assign(p.leader.told, { '/patroni': { ...p.leads, xlog: { location: 5000 }, replication: [] } });
  await p.psql(`echo '${JSON.stringify({ ...STREAMS, receiver: null, waits: 'RecoveryWalStream' })}'`);
  expect(await errorOf(p.streaming(1, true))).toMatchObject({ code: 'data-not-compared' });
});

it('data that cannot be compared is compared again until nothing new was seen', async () => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  expect(await errorOf(p.streaming(1, true))).toMatchObject({ code: 'data-not-compared' });
  expect(p.play.progress).toEqual(['here: its data could not be compared']);
});

it('one that replays before it lets anybody in is waited for as long as it gets on', async () => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  let looks = 0;
  await using startup = startupIn(p.params.pgdata);
  p.own.told['/patroni'] = async () => {
    looks += 1;
    // As many looks as would be some stalls.
    if (looks > 12) return { ...p.replica, timeline: 1 };
    await startup.replays(looks);
    return { ...p.replica, state: 'starting' };
  };
  const { result } = await p.streaming(1);
  expect(JSON.stringify(result.flaws)).toMatch(/timeline 1, the leader on 2/);
});

/** A member into whose directory nothing has come, while its leader sends this; `held`: what lies there all the same. */
async function beforeItsCopy(senders: readonly object[], held?: string) {
  const p = await pair();
  await p.postgres.end();
  await rm(join(p.params.pgdata, 'postmaster.pid'));
  await mkdir(join(p.params.pgdata, 'pg_wal'));
  if (held !== undefined) await writeFile(join(p.params.pgdata, held), '');
  p.leader.told['/patroni'] = { ...p.leads, replication: senders };
  let looks = 0;
  p.own.told['/patroni'] = () => {
    looks += 1;
    // As many looks as would be some stalls.
    return { ...p.replica, state: looks > 12 ? 'stopped' : 'creating replica' };
  };
  return { ...p, looks: () => looks };
}

const BACKUP = { application_name: 'pg_basebackup', state: 'backup' };

it('one whose copy waits for the checkpoint of its leader, or for others to be copied, is waited for', async () => {
  await using p = await beforeItsCopy([BACKUP]);
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  const { leader, leads } = p;
  leader.told['/patroni'] = () =>
    p.looks() > 12 ? { ...leads, replication: [] } : { ...leads, replication: [BACKUP] };
  const { result } = await p.streaming(1);
  expect(JSON.stringify(result.flaws)).toMatch(/its state is stopped/);
  expect(p.play.progress).toContain(
    'here: its state is creating replica; nothing of its copy has come, and its leader is at a base backup (pg_basebackup)',
  );
});

it.each([
  ['its leader makes none', [{ application_name: 'here', state: 'streaming' }], undefined],
  ['something of it has come', [BACKUP], 'backup_label'],
  ['WAL of it has come', [BACKUP], 'pg_wal/archive_status'],
])('and not where %s', async (_, senders, held) => {
  await using p = await beforeItsCopy(senders, held);
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  expect((await p.streaming()).result).toMatchObject({
    streaming: false,
    flaws: expect.arrayContaining([expect.stringContaining('its state is creating replica')]),
  });
});

it('and not where its replay stands still', async () => {
  await using p = await pair();
  await using _programs = await fakePrograms({ ...UP, ...dcs(p) });
  await using startup = startupIn(p.params.pgdata);
  await startup.replays(1);
  p.own.told['/patroni'] = { ...p.replica, state: 'starting' };
  expect((await p.streaming()).result).toMatchObject({
    streaming: false,
    flaws: expect.arrayContaining([expect.stringContaining('its state is starting')]),
  });
});

/** A process that calls itself what PostgreSQL calls the one that replays, in this directory. */
function startupIn(cwd: string) {
  let process: ChildProcess | undefined;
  const end = async () => {
    const closed = process === undefined ? undefined : once(process, 'close');
    process?.kill();
    await closed;
  };
  return {
    replays: async (segment: number) => {
      // While it is still there a look sees it, and nothing new.
      await end();
      const name = `postgres: startup recovering ${String(segment).padStart(24, '0')}`;
      process = spawn('sleep', ['60'], { cwd, stdio: 'ignore', argv0: name });
    },
    [Symbol.asyncDispose]: end,
  };
}
