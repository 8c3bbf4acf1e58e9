import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { NewerChange } from '../../lib/contract/module.ts';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { pair } from './patroni-pair.ts';
import { localPlayground } from './playground.ts';
import { programAt } from './program-at.ts';

const controlFile = (state: string): string => `Database cluster state: ${state}
Database system identifier: 7
Latest checkpoint location: 0/2000060
Latest checkpoint's REDO location: 0/2000028
Latest checkpoint's TimeLineID: 1
Minimum recovery ending location: 0/0
Bytes per WAL segment: 16777216`;

/** A PostgreSQL that runs as it is said. */
async function running(dir: string, { state = '', files = [], options = '' }: Readonly<Told>) {
  const pgdata = join(dir, 'data');
  const bin = join(dir, 'bin');
  await mkdir(pgdata);
  await mkdir(bin);
  for (const file of files) await writeFile(join(pgdata, file), '');
  await writeFile(join(pgdata, 'PG_VERSION'), '16\n');
  await writeFile(join(pgdata, 'postmaster.opts'), `${bin}/postgres ${options}\n`);
  const control = state === '' ? 'exit 1' : `cat <<'END'\n${controlFile(state)}\nEND`;
  await writeFile(join(bin, 'pg_controldata'), `#!/bin/sh\n${control}\n`, { mode: 0o755 });
  return programAt(dir, 'postgres', pgdata);
}

/** A member whose PostgreSQL runs as it is said, and what its manager was told. */
async function member(told: Readonly<Told>) {
  const ground = await localPlayground();
  const { dir, play } = ground;
  const pgdata = join(dir, 'data');
  const postgres = await running(dir, told);
  const asked = join(dir, 'asked');
  await writeFile(asked, '');
  const programs = await fakePrograms({
    supervisorctl: `echo "$1" >> ${asked}
case $1 in stop) kill ${postgres.pid} ;; status) echo "patroni STOPPED Nov 28 01:00 AM"; exit 3 ;; esac`,
  });
  const change = {
    ...{ summary: 'start Patroni', state: 'running', service: 'patroni', manager: 'supervisor', pgdata },
    ...{ user: userInfo().username, port: 8008, config: '/etc/patroni.yml', timeoutMs: 5000 },
    ...{ ranBefore: false, copiedBy: 'patroni', stallMs: 1000, mode: 'isolated', shutdownMs: 1000 },
  };
  const entry = (module: string) =>
    ({ host: 'here', module, change: JSON.stringify(change), undoable: true }) as const;
  return {
    undo: (module: string) => play.undoEntry(entry(module)),
    mayUndo: (module: string, newer: readonly NewerChange[]) => play.mayUndo(entry(module), newer),
    pgdata,
    asked: () => readFile(asked, 'utf8'),
    [Symbol.asyncDispose]: async () => {
      await programs[Symbol.asyncDispose]();
      await postgres[Symbol.asyncDispose]();
      await ground[Symbol.asyncDispose]();
    },
  };
}

interface Told {
  /** What its control file says; without it, it cannot be read. */
  readonly state?: string;
  readonly files?: readonly string[];
  /** Its command line. */
  readonly options?: string;
}

const MODULES = ['patroni.rebuild', 'patroni.member'];
const LEADS: Told = { state: 'in production' };
const KEPT_RULES = 'pg_hba.conf.pitr-open';

it.each(MODULES)('%s is not taken back where its PostgreSQL leads by now', async (module) => {
  await using one = await member(LEADS);
  expect(await errorOf(one.undo(module))).toMatchObject({
    ...{ kind: 'refused', code: 'undo-stops-primary', message: expect.stringMatching(/is a primary/) },
    ...{
      next: expect.arrayContaining([expect.stringContaining('patronictl -c /etc/patroni.yml switchover')]),
    },
  });
  expect(await one.asked()).toBe('');
});

it.each(MODULES)('%s is not taken back where nobody can tell whether it leads', async (module) => {
  await using one = await member({});
  expect(await errorOf(one.undo(module))).toMatchObject({
    ...{ kind: 'refused', code: 'undo-stops-primary', message: expect.stringMatching(/cannot be told/) },
  });
  expect(await one.asked()).toBe('');
});

it.each(
  MODULES.flatMap((module): readonly (readonly [string, string, Told])[] => [
    [module, 'a replica', { state: 'in archive recovery', files: ['standby.signal'] }],
    [module, 'closed: nobody could write to it', { ...LEADS, files: [KEPT_RULES] }],
    [module, 'isolated', { ...LEADS, options: '"-c" "listen_addresses="' }],
  ]),
)('%s is taken back where its PostgreSQL is %s', async (module, _, told) => {
  await using one = await member(told);
  await one.undo(module);
  expect(await one.asked()).toMatch(/^stop$/m);
});

/** A member that was stopped for a recovery, what patronictl lists now, and the pause that it tells of. */
async function outForRecovery(listed: readonly string[] | undefined, more: object, pause?: 'true' | 'false') {
  const ground = await localPlayground();
  const { dir, play } = ground;
  const asked = join(dir, 'asked');
  await writeFile(asked, '');
  const list = listed?.map((Role) => ({
    ...{ Cluster: 'c1', Member: Role, Host: '127.0.0.1:1', Role, State: 'running', TL: 2 },
  }));
  const programs = await fakePrograms({
    supervisorctl: `echo "$1" >> ${asked}; echo "patroni STOPPED Nov 28 01:00 AM"; exit 3`,
    patronictl: `case "$*" in
*list*) ${list === undefined ? 'exit 1' : `echo '${JSON.stringify(list)}'`} ;;
*show-config*) ${pause === undefined ? 'exit 1' : `printf 'ttl: 30\\npause: ${pause}\\n'`} ;;
*) exit 1 ;; esac`,
  });
  const change = {
    ...{ summary: 'stop Patroni', state: 'stopped', service: 'patroni', manager: 'supervisor' },
    ...{ pgdata: join(dir, 'data'), user: userInfo().username, port: 1, config: join(dir, 'patroni.yml') },
    ...{ timeoutMs: 1500, ranBefore: true, outWhile: join(dir, 'note') },
    ...more,
  };
  const entry = {
    ...{ host: 'here', module: 'patroni.member', undoable: true as const },
    change: JSON.stringify(change),
  };
  return {
    error: () => errorOf(play.undoEntry(entry)),
    mayUndo: (newer: readonly NewerChange[]) => play.mayUndo(entry, newer),
    dir,
    pgdata: change.pgdata,
    started: async () => (await readFile(asked, 'utf8')).includes('start\n'),
    [Symbol.asyncDispose]: async () => {
      await programs[Symbol.asyncDispose]();
      await ground[Symbol.asyncDispose]();
    },
  };
}

const REPLICA = { replicaOf: { config: '/etc/patroni.yml', cluster: 'c1' } };

it.each<readonly [string, readonly string[] | undefined, object, RegExp]>([
  ['nobody leads', ['Replica'], REPLICA, /^nobody leads the cluster: here might lead/],
  ['no member is left', [], REPLICA, /^nobody leads/],
  ['nobody leads, and what it was is not known', ['Replica'], {}, /^nobody leads/],
  ['nobody tells who leads', undefined, REPLICA, /^nobody tells who leads/],
])('a member that was out is not started with its old data where %s', async (_, listed, more, words) => {
  await using one = await outForRecovery(listed, more);
  expect(await one.error()).toMatchObject({
    ...{ kind: 'refused', code: 'undo-without-leader', message: expect.stringMatching(words) },
    ...{ next: expect.arrayContaining([expect.stringContaining('--keep')]) },
  });
  expect(await one.started()).toBe(false);
});

it.each<readonly [string, readonly string[], object]>([
  ['somebody leads', ['Leader', 'Replica'], REPLICA],
  ['it led before itself', ['Replica'], { led: true }],
  ['it was stopped for a cut-over, with all others', [], { ...REPLICA, outWhile: undefined }],
])('a member that was stopped is started again where %s', async (_, listed, more) => {
  await using one = await outForRecovery(listed, more);
  expect(await one.error()).toMatchObject({ code: 'member-not-started' });
  expect(await one.started()).toBe(true);
});

/** A member that was stopped for a cut-over, with all others. */
const FOR_CUT_OVER = { ...REPLICA, outWhile: undefined };

it.each<readonly [string, readonly string[], object]>([
  ['it was out for a recovery', ['Leader', 'Replica'], REPLICA],
  ['it led before itself', [], { led: true }],
  ['it was stopped for a cut-over', ['Replica'], FOR_CUT_OVER],
])(
  'a pause refuses before anything is taken back, and before the start, where %s',
  async (_, listed, more) => {
    await using one = await outForRecovery(listed, more, 'true');
    for (const error of [await errorOf(one.mayUndo([])), await one.error()]) {
      expect(error).toMatchObject({ kind: 'refused', code: 'cluster-paused', host: 'here' });
      expect(error.next.join('\n')).toMatch(/patronictl -c \S+patroni\.yml resume$/m);
      // Which asks a Patroni to write that; where none is up, patronictl has to.
      expect(error.next.join('\n')).toMatch(
        /patronictl -c \S+patroni\.yml edit-config --force --set pause=null$/m,
      );
    }
    expect(await one.started()).toBe(false);
  },
);

it.each<readonly [string, object, 'true' | 'false' | undefined]>([
  ['there is none', FOR_CUT_OVER, 'false'],
  ['nobody tells of one', FOR_CUT_OVER, undefined],
  ['its PostgreSQL was down before, too', { outWhile: undefined, ranBefore: false }, 'true'],
])('a pause refuses no start where %s', async (_, more, pause) => {
  await using one = await outForRecovery(['Leader', 'Replica'], more, pause);
  await one.mayUndo([]);
  expect(await one.error()).toMatchObject({ code: 'member-not-started' });
  expect(await one.started()).toBe(true);
});

it('a pause refuses before anything is taken back, too, where a member runs that the undo stops first', async () => {
  await using one = await outForRecovery(['Leader', 'Replica'], FOR_CUT_OVER, 'true');
  await using _ = await running(one.dir, { state: 'in archive recovery', files: ['standby.signal'] });
  const rebuilt = [{ ...STOPPED, id: one.pgdata, state: "Patroni's", cluster: 'joins' }] as const;
  expect(await errorOf(one.mayUndo(newerOn('here', {}, rebuilt)))).toMatchObject({ code: 'cluster-paused' });
  // Of one that nobody stops there is nothing to start.
  await one.mayUndo([]);
  await one.mayUndo(newerOn('other', {}, rebuilt));
});

it('a pause that a newer change may end is asked about when that is taken back', async () => {
  await using one = await outForRecovery([], FOR_CUT_OVER, 'true');
  await one.mayUndo(newerOn('other', { cluster: 'c1', config: '/etc/patroni.yml' }));
  await one.mayUndo(newerOn('other', { undo: ['patronictl', 'resume'] }));
  const stopped = newerOn('other', {}, [{ ...STOPPED, id: '/data', cluster: 'leaves as leader' }]);
  expect(await errorOf(one.mayUndo(stopped))).toMatchObject({ code: 'cluster-paused' });
});

it('a replica that is started again is looked for once more where nobody tells of the cluster at first', async () => {
  await using those = await pair();
  const { own, params, play } = those;
  await using _ = await fakePrograms({
    supervisorctl: `echo "patroni RUNNING pid 7, uptime 0:00:01"`,
    patronictl: 'exit 1',
  });
  let looks = 0;
  own.told['/liveness'] = {};
  own.told['/cluster'] = () => {
    looks += 1;
    return looks === 1 ? undefined : those.cluster;
  };
  const { pgdata, bin, user, port, config } = params;
  const change = {
    ...{ summary: 'stop Patroni', state: 'stopped', service: 'patroni', manager: 'supervisor' },
    ...{ pgdata, bin, user, port, config, timeoutMs: 20_000, ranBefore: false, replicaOf: { config } },
  };
  await play.undoEntry({
    ...{ host: 'here', module: 'patroni.member', change: JSON.stringify(change), undoable: true },
  });
  expect(looks).toBeGreaterThan(2);
}, 60_000);

const STOPPED = { kind: 'postgres', state: 'stopped', lasts: 'for good', supersedes: true } as const;

function newerOn(host: string, change: object, effects: NewerChange['effects'] = []): readonly NewerChange[] {
  return [{ host, change: { summary: 'did something', ...change }, effects }];
}

it.each(MODULES)(
  '%s is known before anything is taken back not to be, where its PostgreSQL leads',
  async (module) => {
    await using one = await member(LEADS);
    const refused = { kind: 'refused', code: 'undo-stops-primary' };
    const elsewhere = newerOn('other', { config: '/etc/patroni.yml' }, [{ ...STOPPED, id: one.pgdata }]);
    for (const newer of [[], elsewhere])
      expect(await errorOf(one.mayUndo(module, newer))).toMatchObject(refused);
    await one.mayUndo(module, newerOn('here', {}, [{ ...STOPPED, id: one.pgdata }]));
    await one.mayUndo(module, newerOn('other', { candidate: 'other', previous: 'third', cluster: 'c1' }));
    await one.mayUndo(module, newerOn('other', { undo: ['patronictl', 'switchover'] }));
    expect(await one.asked()).toBe('');
  },
);

it.each([
  ['postgres.start', 'instance-serves'],
  ['postgres.forward', 'already-promoted'],
])(
  '%s is known before anything is taken back not to be, where a primary serves on its data',
  async (module, code) => {
    await using one = await member(LEADS);
    expect(await errorOf(one.mayUndo(module, []))).toMatchObject({ kind: 'refused', code });
    await one.mayUndo(module, newerOn('here', {}, [{ ...STOPPED, id: one.pgdata }]));
  },
);

it('postgres.start may be taken back where a Patroni that was started meanwhile has it as a replica', async () => {
  await using one = await member({ state: 'in archive recovery', files: ['standby.signal'] });
  await one.mayUndo('postgres.start', []);
});

it('a start that nobody leads for is known before anything is taken back, and its ways are those of then', async () => {
  await using one = await outForRecovery(['Replica'], REPLICA);
  const { code, next } = await errorOf(one.mayUndo(newerOn('here', {}, [{ ...STOPPED, id: '/data' }])));
  expect(code).toBe('undo-without-leader');
  // The old data is not back yet: Patroni would start on the recovered one.
  expect(next.join('\n')).toMatch(/--keep <number>\n.* may lead after that: start Patroni there yourself/);
  const leaves = { ...STOPPED, id: '/data', cluster: 'leaves as leader' } as const;
  await one.mayUndo(newerOn('other', {}, [leaves]));
  await one.mayUndo(newerOn('other', { cluster: 'c1', config: '/etc/patroni.yml' }));
});
