import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { Unknown } from '../../lib/base/values/unknown.ts';
import type { WriteHost } from '../../lib/contract/host.ts';
import type { TaskContext } from '../../lib/contract/module.ts';
import { endOrphans } from '../../lib/engine/back/orphans.ts';
import { loadModule } from '../../lib/modules/registry.ts';
import { readArchiveSettings } from '../../lib/recovery/barman/archive-tail.ts';
import { readCatalogueAndArchives } from '../../lib/recovery/barman/catalogue.ts';
import { readDestination } from '../../lib/recovery/barman/destination.ts';
import { endBarmanRecover } from '../../lib/recovery/barman/end-barman.ts';
import { endReceivingRsync } from '../../lib/recovery/barman/end-rsync.ts';
import { filesInErrors } from '../../lib/recovery/barman/errors-directory.ts';
import { timeOn } from '../../lib/recovery/barman/host-time.ts';
import { readKeep } from '../../lib/recovery/barman/keep.ts';
import { askBarmanLogins } from '../../lib/recovery/barman/logins.ts';
import { fetchable, loginToNode } from '../../lib/recovery/barman/node-access.ts';
import { proveArchivedSegment } from '../../lib/recovery/barman/prove-archived.ts';
import { proveBackupFiles } from '../../lib/recovery/barman/prove-backup-files.ts';
import { restoredSize } from '../../lib/recovery/barman/restored-size.ts';
import { verifyCopy } from '../../lib/recovery/barman/verify-copy.ts';
import { readArchivedSegment } from '../../lib/recovery/barman/wal-file.ts';
import { readSpool } from '../../lib/recovery/barman/wal-spool.ts';
import { discoverNode } from '../../lib/recovery/discovery/discover-node.ts';
import { readCluster } from '../../lib/recovery/patroni/cluster-resource.ts';
import { keepsDataAt } from '../../lib/recovery/patroni/data-directory.ts';
import { readDataSetting } from '../../lib/recovery/patroni/data-setting.ts';
import { tryLogin } from '../../lib/recovery/patroni/login.ts';
import { readLoginSettings, tryMemberLogins } from '../../lib/recovery/patroni/logins.ts';
import { askPause } from '../../lib/recovery/patroni/rest.ts';
import { lookAtOldData } from '../../lib/recovery/patroni/rewound-copy.ts';
import { livingPatroni, servedPatroni } from '../../lib/recovery/patroni/service-process.ts';
import { postgresResource } from '../../lib/recovery/postgres/instance-resource.ts';
import { readLayout } from '../../lib/recovery/postgres/layout.ts';
import { readLimits } from '../../lib/recovery/postgres/look-in-force.ts';
import { readRecoveryFiles } from '../../lib/recovery/postgres/look-recovery-files.ts';
import { readTail } from '../../lib/recovery/postgres/look-tail.ts';
import { proveIdle } from '../../lib/recovery/postgres/prove-idle.ts';
import { parseSegment, parseSegmentSize } from '../../lib/recovery/wal/segment.ts';
import { machineOf } from '../../lib/system/core/host-identity.ts';
import { lookAtPort } from '../../lib/system/core/try-port.ts';
import { keptName } from '../../lib/system/fs/kept-beside.ts';
import { pathResource } from '../../lib/system/fs/path-resource.ts';
import { lockId, lockResource } from '../../lib/system/lock/lock-resource.ts';
import { serviceResource } from '../../lib/system/service/service-resource.ts';
import { beside, OTHER } from '../modules/barman-here.ts';
import { pair } from '../modules/patroni-pair.ts';
import { localPlayground } from '../modules/playground.ts';
import { CLUSTER, NAME, upTo } from '../modules/wal-here.ts';
import { blindHost } from '../support/blind-host.ts';
import { FakePatroni } from '../support/fake-patroni.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { pythonYaml } from '../support/python-yaml.ts';
import { SIZE } from '../unit/recovery/wal/moment/segments.ts';

/** Looks that decisions rest on, at a place of this machine where each has an answer. */

const me = userInfo().username;
const CONTROL = `Database cluster state: shut down
Database system identifier: 7
Latest checkpoint location: 0/2000060
Latest checkpoint's REDO location: 0/2000028
Latest checkpoint's TimeLineID: 1
Minimum recovery ending location: 0/0
Data page checksum version: 1
Bytes per WAL segment: 16777216`;

let dir: string;
let patroni: FakePatroni;
const disposed: AsyncDisposable[] = [];
const at = (name: string): string => join(dir, name);

/** Makes what is looked at. */
export async function makePlace(): Promise<void> {
  dir = await mkdtemp(join(tmpdir(), 'pitr-cut-off-'));
  for (const name of ['bin', 'data/pg_wal', 'data/pg_tblspc', 'errors', 'wals', 'login'])
    await mkdir(at(name), { recursive: true });
  await writeFile(at('data/PG_VERSION'), '15\n');
  await writeFile(at('data/postmaster.opts'), `${at('bin')}/postgres "-D" "${at('data')}"\n`);
  await writeFile(
    at('patroni.yml'),
    JSON.stringify({ scope: 'c', name: 'n', postgresql: { data_dir: at('data') } }),
  );
  const programs = {
    pg_controldata: `cat <<'END'\n${CONTROL}\nEND`,
    postgres: 'echo "postgres (PostgreSQL) 15.1"',
    pg_rewind: 'echo "pg_rewind (PostgreSQL) 15.1"',
  };
  for (const [name, script] of Object.entries(programs))
    await writeFile(at(`bin/${name}`), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  await cp('/bin/true', at('login/rsync'));
  await writeFile(at('login/in'), `#!/bin/sh\nPATH=${at('login')}:$PATH exec sh -c "$1"\n`, { mode: 0o755 });
  await mkdir(at(`wals/${NAME.slice(0, 16)}`));
  await writeFile(at(`wals/${NAME.slice(0, 16)}/${NAME}`), upTo(3));
  await mkdir(at('limited'));
  await writeFile(at('limited/postmaster.pid'), `${process.pid}\n`);
  await mkdir(at('base/b/data'), { recursive: true });
  await writeFile(at('base/b/data/backup_manifest'), '{"Files": [{"Path": "a", "Size": 5}]}');
  disposed.push(
    await pythonYaml(),
    await fakePrograms({
      supervisorctl: 'echo "patroni STOPPED   Not started"',
      'barman-wal-restore': 'exit 0',
      barman: 'echo "Keep: nokeep"',
      patronictl: 'exit 1',
    }),
  );
  // What passes for a Patroni that runs: where nobody can tell, that must not be taken for none.
  const runs = spawn('tail', ['-f', at('patroni.yml')], { argv0: 'patroni', stdio: 'ignore' });
  await once(runs, 'spawn');
  const ended = once(runs, 'close');
  disposed.push({
    [Symbol.asyncDispose]: async () => {
      runs.kill();
      await ended;
    },
  });
  patroni = await FakePatroni.listening();
  disposed.push(patroni);
  const member = { name: 'n', role: 'leader', state: 'running', timeline: 1 };
  patroni.told['/cluster'] = { scope: 'c', members: [member] };
  patroni.told['/patroni'] = { role: 'primary', state: 'running', timeline: 1, patroni: { scope: 'c' } };
}

export async function removePlace(): Promise<void> {
  for (const one of disposed.reverse()) await one[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
}

/** What a module would look at, and do. */
async function moduleOn(host: WriteHost, name: string, params: object): Promise<unknown> {
  const module = await loadModule(name);
  if (module.kind === 'control') throw new Error(`${name} looks at nothing`);
  const parsed: unknown = (module.params as z.ZodType).parse(params);
  const context: TaskContext = {
    ...{ runId: '20260101-t1', operator: 'tester@here', signal: AbortSignal.timeout(30_000) },
    ...{
      progress: () => {},
      output: () => {},
      warn: () => {},
      file: () => Promise.reject(new Error('no file')),
    },
    ...{ render: async () => '', holdsSecret: () => false, ask: async () => true },
    ...{ hold: () => {}, held: () => undefined },
  };
  const state = await module.read(host, parsed, context);
  return module.kind === 'change' ? module.plan(state, parsed) : state;
}

export interface Look {
  readonly on: (host: WriteHost) => Promise<unknown>;
  /** Codes that say that it cannot be told. */
  readonly codes?: readonly string[];
  /** Where it is no error: that it says so. */
  readonly untold?: (answer: unknown) => boolean;
  /** It looks again, or elsewhere: where one command alone is cut off, it may find out the same. */
  readonly again?: true;
  /** What of an answer counts, where it is another one each time. */
  readonly part?: (answer: unknown) => unknown;
  /** Why it is not seen here how it answers where nothing is cut off. */
  readonly unseen?: string;
}

const known = <T>(value: T | undefined): T => {
  if (value === undefined) throw new Error('it is one');
  return value;
};
const segment = () => known(parseSegment(NAME));
const segmentSize = () => known(parseSegmentSize(SIZE));
const server = () => ({
  ...{ name: 'one', wals: at('wals'), errors: at('errors'), incoming: at('in'), streaming: at('str') },
  ...{ basebackups: at('base'), backups: [], systemId: CLUSTER },
});
type Expected = Parameters<typeof verifyCopy>[3];
type Served = Parameters<typeof proveArchivedSegment>[2];
const AT_WORK = ['postgres-at-work-unknown', 'look-broken-off', 'data-directory-unreadable'];
const member = () => ({ name: 'n', config: at('patroni.yml'), pgdata: at('data'), user: me });
const access = () => ({ port: patroni.port, config: at('patroni.yml') });

export const LOOKS = {
  idle: { on: (host) => proveIdle(host, at('data'), 'it is left'), codes: ['postgres-at-work-unknown'] },
  instance: { on: (host) => postgresResource.read(host, at('data')), codes: AT_WORK },
  destination: {
    on: (host) => readDestination(host, at('data'), me, [at('errors')]),
    codes: ['destination-unreadable'],
    // The names are for a message.
    part: (answer) => ({ ...Object(answer), names: [] }),
  },
  path: { on: (host) => pathResource.read(host, at('data')), codes: ['path-unreadable'] },
  note: {
    on: (host) => moduleOn(host, 'fs.read', { path: at('patroni.yml') }),
    codes: ['path-unreadable', 'file-unreadable'],
    untold: (answer) => Object(answer).content instanceof Unknown,
  },
  rename: {
    on: (host) => moduleOn(host, 'fs.move', { src: at('data'), dest: at('data.old') }),
    codes: ['path-unreadable', 'look-broken-off', 'mount-unknown'],
  },
  removal: {
    on: (host) =>
      moduleOn(host, 'fs.file', { path: at('base'), state: 'absent', recurse: true, keep: false }),
    codes: ['path-unreadable', 'directory-unknown', 'command-failed', 'command-timed-out'],
  },
  orphans: { on: (host) => endOrphans(host, { mark: 'r.1', ageMs: 0 }), codes: ['processes-unknown'] },
  'barman recover': {
    on: (host) => endBarmanRecover(host, ['barman', 'recover', 'main', 'b1', at('nowhere')], me),
    codes: ['processes-unknown'],
  },
  rsync: { on: (host) => endReceivingRsync(host, [at('nowhere')], me), codes: ['processes-unknown'] },
  cluster: { on: (host) => readCluster(host, access()), codes: ['patroni-silent'] },
  pause: { on: (host) => askPause(host, access()), untold: (answer) => answer === undefined },
  service: {
    on: (host) => serviceResource.read(host, 'supervisor:patroni'),
    codes: ['service-manager-silent'],
  },
  streaming: {
    on: async (host) => {
      await using those = await pair();
      return moduleOn(host, 'patroni.streaming', { ...those.params, stall: 0.5, required: false });
    },
    codes: ['streaming-unknown', 'patroni-silent'],
    unseen: 'it takes two PostgreSQLs: test/recovery/same-data.long.test.ts',
  },
  'data directory': {
    on: (host) => keepsDataAt(host, at('patroni.yml'), at('data')),
    codes: ['data-directory-unknown'],
  },
  'data setting': {
    on: (host) => readDataSetting(host, at('patroni.yml'), at('data'), at('data/in')),
    codes: ['data-setting-unknown'],
    unseen: 'it needs the real library for YAML',
  },
  catalogue: {
    on: async (host) => {
      await using ground = await localPlayground();
      return await beside(ground, { systemId: OTHER }, async () => {
        // What is asked beside an older configuration is not used.
        await using seeing = blindHost();
        await readCatalogueAndArchives(seeing.host, me);
        return readCatalogueAndArchives(host, me);
      });
    },
    codes: ['barman-not-answering'],
  },
  machine: { on: (host) => machineOf(host), codes: ['look-broken-off'] },
  tail: {
    on: (host) => readTail(host, { pgdata: at('data'), user: me, exceptTimeline: 0 }),
    codes: [...AT_WORK, 'pg-wal-unreadable'],
    again: true,
  },
  space: {
    on: (host) => moduleOn(host, 'fs.space', { path: dir, need: 1 }),
    codes: ['space-unknown'],
    part: () => 'room',
  },
  size: {
    on: (host) => moduleOn(host, 'postgres.size', { pgdata: at('data'), user: me }),
    codes: ['data-size-unknown'],
  },
  places: {
    on: (host) => moduleOn(host, 'postgres.free_places', { tablespaces: [{ place: at('free') }], user: me }),
    codes: ['places-unknown'],
  },
  'restored size': {
    on: (host) => {
      const packed = { id: 'b', server: 'one', compression: 'gzip' } as Parameters<typeof restoredSize>[1];
      return restoredSize(host, packed, [server() as unknown as Served & { backups: [] }], me);
    },
    codes: ['barman-not-answering', 'look-broken-off'],
  },
  'put aside': {
    on: (host) => filesInErrors(host, [server()], me),
    codes: ['barman-not-answering'],
  },
  archived: {
    on: (host) => proveArchivedSegment(host, segment(), server() as unknown as Served, me, undefined),
    codes: ['archive-not-proved', 'barman-not-answering'],
  },
  login: {
    on: (host) => loginToNode(host, at('login/in'), me, host),
    codes: ['barman-cannot-log-in', 'look-broken-off'],
  },
  'login settings': {
    on: (host) => readLoginSettings(host, member()),
    untold: (answer) => Object.hasOwn(Object(answer), 'untried'),
  },
  'tried logins': {
    on: (host) => tryMemberLogins(host, member(), { host: '127.0.0.1', port: 1 }),
    untold: (answer) => Array.isArray(answer) && answer.every(({ error }) => error !== undefined),
  },
  port: {
    on: (host) => lookAtPort(host, '127.0.0.1', 1),
    untold: (answer) => Object(answer).state === 'unknown',
  },
  lock: {
    on: (host) => lockResource.read(host, lockId({ name: 'main', directory: at('locks'), user: me })),
    codes: ['lock-not-read'],
    part: (answer) => [Object(answer).held, Object(answer).claim],
  },
  layout: { on: (host) => readLayout(host, at('data')), codes: ['layout-unknown'] },
  version: {
    on: (host) => moduleOn(host, 'postgres.version', { bin: at('bin') }),
    codes: ['postgres-version-unknown'],
  },
  'bytes of WAL': {
    on: (host) => {
      const link = { segment: segment(), number: 6, servers: ['one'], partial: false };
      return readArchivedSegment(host, link, [server() as unknown as Served], segmentSize(), me);
    },
    codes: ['wal-unreadable'],
    again: true,
  },
  time: { on: (host) => timeOn(host), codes: ['host-time-unknown'], part: () => 'a time' },
  'old data': {
    on: (host) => lookAtOldData(host, { from: at('data'), bin: at('bin'), user: me, live: false }),
    untold: (answer) => /cannot be looked into/.test(String(Object(answer).why)),
  },
  limits: {
    on: (host) => readLimits(host, { pgdata: at('limited'), user: me }),
    codes: ['limits-unknown'],
  },
  history: {
    on: (host) => moduleOn(host, 'postgres.history', { pgdata: at('data'), user: me }),
    codes: [...AT_WORK, 'data-history-unknown'],
  },
  discovery: {
    on: (host) => discoverNode(host, at('patroni.yml')),
    codes: ['node-not-discovered'],
    again: true,
  },
  'living Patroni': { on: (host) => livingPatroni(host, at('patroni.yml')), codes: ['look-broken-off'] },
  'served Patroni': {
    on: (host) => servedPatroni(host, 1, at('patroni.yml')),
    untold: (answer) => answer === 'unknown',
    codes: ['look-broken-off'],
  },
  'fetched WAL': {
    on: (host) => {
      const wish = { ssh: 'barman@nowhere', servers: ['one', 'two'], pg_user: me };
      return fetchable(host, { ...wish, wal_method: 'barman-wal-restore' });
    },
    codes: ['wal-fetch-unknown'],
  },
  "Barman's logins": {
    on: (host) =>
      askBarmanLogins(host, { host: 'here', server: 'one', user: me }, { host: 'x', port: 1 }, 'tell'),
    untold: (answer) => Object.hasOwn(Object(answer), 'untried'),
    unseen: 'it asks a real Barman for its settings',
  },
  "Patroni's login": {
    on: (host) => tryLogin(host, { config: at('patroni.yml'), pgdata: at('data'), user: me }),
    untold: (answer) => Object.hasOwn(Object(answer), 'untried'),
    unseen: 'there is no driver for PostgreSQL',
  },
  'held backup': {
    on: (host) => readKeep(host, { server: 'one', backup: 'b', directory: at('keep'), run: 'r' }, me),
    codes: ['backup-not-held'],
  },
  spool: {
    on: (host) => readSpool(host, at('spool'), me),
    codes: ['command-failed', 'command-timed-out'],
  },
  copy: {
    on: (host) =>
      verifyCopy(
        host,
        at('data'),
        me,
        { backup: 'b', systemId: '7', beginLsn: '0/2', major: 15 } as Expected,
        'r',
      ),
    codes: ['copy-not-whole', 'copy-not-seen'],
    unseen: 'only of a copy that Barman has made',
  },
  'files of a backup': {
    on: (host) => {
      const backup = { id: 'b', server: 'one', status: 'DONE', mode: 'rsync', size: 5 } as Parameters<
        typeof proveBackupFiles
      >[1];
      return proveBackupFiles(host, backup, [server() as unknown as Served & { backups: [] }], me);
    },
    codes: ['barman-not-answering', 'look-broken-off'],
    unseen: 'only of a backup that Barman has made',
  },
  'settings of archiving': {
    on: (host) => readArchiveSettings(host, { pgdata: at('data'), bin: at('bin'), user: me }),
    codes: ['settings-unreadable'],
  },
  'files of a recovery': {
    on: (host) => readRecoveryFiles(host, { directory: at('data'), pgdata: at('data'), user: me }),
    codes: ['data-directory-unreadable'],
  },
  'a free name': { on: (host) => keptName(host, at('kept')), codes: ['command-failed', 'command-timed-out'] },
  tools: {
    on: (host) => moduleOn(host, 'core.tools', { commands: ['cat'] }),
    codes: ['tools-unknown'],
    part: () => 'where it is',
  },
} satisfies Readonly<Record<string, Look>>;
