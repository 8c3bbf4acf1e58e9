import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Version } from '../../base/values/version.ts';
import type { ReadHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule, type Result } from '../../contract/module.ts';
import { probe } from '../../contract/probe.ts';
import { predicted } from '../../contract/resource.ts';
import { type CompleteBackup, isPacked } from '../../recovery/barman/backup-info.ts';
import { readCatalogue } from '../../recovery/barman/catalogue.ts';
import { backupById } from '../../recovery/barman/choose-backup.ts';
import type { ServerConfig, StagingPlace } from '../../recovery/barman/config.ts';
import { type CopyOrder, copyBackup } from '../../recovery/barman/copy-backup.ts';
import { begunCopy, isCopyOf, removeCopy } from '../../recovery/barman/copy-on-disk.ts';
import { mayBeElsewhere, serversThatCount } from '../../recovery/barman/counted-servers.ts';
import { type Destination, readDestination } from '../../recovery/barman/destination.ts';
import { endBarmanRecover } from '../../recovery/barman/end-barman.ts';
import { barmanCommandFailed } from '../../recovery/barman/errors.ts';
import { knownVersion } from '../../recovery/barman/known-version.ts';
import { combinedIn, stagedIn } from '../../recovery/barman/local-staging.ts';
import { backupParam, remoteSshParam, userParam } from '../../recovery/barman/params.ts';
import { recoverCommand } from '../../recovery/barman/recover-command.ts';
import {
  destinationForeign,
  destinationInUse,
  destinationStarted,
  refuseUnmapped,
  tablespacePlacesInUse,
} from '../../recovery/barman/restore-refusals.ts';
import { locatesStaging, recoverAbilities } from '../../recovery/barman/version.ts';
import { formatLsn } from '../../recovery/wal/lsn.ts';
import { pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath, depthOf } from '../../system/fs/paths.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  backup: backupParam.describe('the backup: its id, or the result of barman.backup'),
  server: z.string().optional().describe('the Barman server that holds it; found when left out'),
  node: z.string().describe('the inventory name of the host that receives it'),
  remote_ssh: remoteSshParam
    .optional()
    .describe(
      "how Barman's host logs in there, as the user that will own the files: ssh -q postgres@db2; left out where node is Barman's own host",
    ),
  destination: absolutePath
    .refine((path) => depthOf(path) > 1, 'too close to the root')
    .refine(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: Barman hands it to shells and to rsync
      (path) => !/[\u0000-\u001f\u007f]/.test(path),
      'must not hold control characters',
    )
    .describe(
      'the directory to copy it to, beside the live data; absent, empty, or an unfinished copy of this very backup',
    ),
  owner: z
    .string()
    .default('postgres')
    .describe('the OS user that PostgreSQL runs as there')
    .meta({ variable: 'pg_user' }),
  tablespaces: z
    .record(z.string().regex(/^[^:]+$/), absolutePath)
    .default({})
    .describe('tablespace name to its new, empty place there; required when the backup has any')
    .meta({ variable: 'tablespaces' }),
  jobs: z.int().min(1).optional().describe('parallel copies; what Barman is configured for when left out'),
  bandwidth_limit: z.int().min(1).optional().describe('kilobytes a second'),
  staging_path: z
    .string()
    .optional()
    .describe('where on the node a packed backup is unpacked; what Barman is configured for when left out'),
  user: userParam,
});

type Params = z.output<typeof params>;

interface State {
  readonly destination: Destination;
  readonly backup: CompleteBackup;
  readonly version: Version;
  /** As Barman is configured. */
  readonly server?: ServerConfig | undefined;
  readonly host: string;
}

interface CopyChange extends Change, CopyOrder {
  /** Whom Barman runs as on its host. */
  readonly user: string;
}

export const module = defineModule({
  summary: 'Copies a base backup to a database node, beside its live data.',
  description: `Runs \`barman recover\` with \`--get-wal\`: WAL is fetched later, by the restore_command that
postgres.recovery renders. Never onto a directory that holds anything else: Barman would delete it without a word.
An interrupted copy is continued by running the same again; Barman 3.15 and 3.16 begin it anew, later ones that of a packed
backup. What Barman had copied whole is proved before that. At the end the copy is proved to be this very backup: version,
system identifier, backup label, owner and mode. Undo removes the copy, and only it.`,
  examples: `- barman.recover:
    backup: "{{ chosen }}"
    node: "{{ target }}"
    remote_ssh: "{{ restore_ssh }}"
    destination: "{{ pgdata }}.pitr"
  delegate_to: "{{ barman_host }}"`,
  params,
  returns: {
    server: 'the Barman server',
    backup: 'the id of the backup',
    node: 'the host that received it',
    destination: 'where it lies there',
    bytes: 'its size there',
    files: 'how many files',
    system_id: 'its system identifier, as in its pg_control',
    seconds: 'how long the copy took',
  },
  read,
  plan,
  unchanged: ({ backup, destination }, { node, destination: place }): Result => ({
    server: backup.server,
    backup: backup.id,
    node,
    destination: place,
    system_id: destination.complete?.systemId ?? backup.systemId,
  }),
  predict: ({ server, backup, node, destination, owner }) => {
    const state = { kind: 'directory', mode: 0o700, owner, group: owner, size: 4096, mtime: 0 } as const;
    return {
      resources: [{ ...predicted(pathResource, destination, state, 'unknown'), host: node }],
      result: { server, backup, node, destination },
    };
  },
  apply: async (host, change, { user }, context): Promise<Result> => {
    const copy = await copyBackup(host, change, user, context);
    const { server, backup, node, destination } = change;
    const { bytes, files, systemId, seconds } = copy;
    return { server, backup, node, destination, bytes, files, system_id: systemId, seconds };
  },
  elsewhere: ({ node }) => [node],
  undo: async (host, change) => {
    // A controller that died in the middle may have left a copy at work.
    await endBarmanRecover(host, change.argv, change.user);
    await removeCopy(host.peer(change.node), change);
  },
});

async function read(host: ReadHost, wish: Params): Promise<State> {
  const { user, node, destination, owner, tablespaces } = wish;
  if (wish.remote_ssh === undefined && node !== host.name) {
    throw new PitrError({
      kind: 'validation',
      code: 'remote-ssh-missing',
      message: `remote_ssh must say how ${host.name} logs in to ${node}`,
      next: ['Give it: remote_ssh: "{{ restore_ssh }}"'],
    });
  }
  const reference = typeof wish.backup === 'string' ? { id: wish.backup, server: wish.server } : wish.backup;
  const [said, catalogue] = await Promise.all([
    host.query(probe(['barman', '--version'], { user })),
    readCatalogue(host, user),
  ]);
  const names = reference.server === undefined ? undefined : [reference.server];
  const servers = serversThatCount(catalogue.servers, { names, clusters: [] }, host.name);
  const backup = backupById(reference.id, servers, host.name, mayBeElsewhere(catalogue.servers, names));
  // Another one of that id may lie where nobody could look.
  serversThatCount(catalogue.servers, { names, clusters: [backup.systemId] }, host.name);
  if (said.exitCode !== 0) throw barmanCommandFailed(host.name, said.exitCode, evidenceOf(said));
  const version = knownVersion(said.stdout, host.name);
  const server = servers.find(({ name }) => name === backup.server);
  const receiver = host.peer(node);
  const foreseen = known(await receiver.look(pathResource, destination));
  const found = await readDestination(receiver, destination, owner, Object.values(tablespaces));
  // What an earlier task would have moved away in check mode is still there for a live look.
  const gone = foreseen.kind === 'absent' && found.kind !== 'absent';
  return {
    destination: gone ? { ...found, ...NOTHING } : found,
    backup,
    version,
    server,
    host: node,
  };
}

const NOTHING = {
  kind: 'absent',
  empty: true,
  running: false,
  started: false,
  copying: undefined,
  complete: undefined,
  copied: undefined,
  names: [],
} as const;

function plan(state: State, wish: Params): CopyChange | undefined {
  const { destination: found, backup, version, server, host } = state;
  const { node, destination, owner, tablespaces, user } = wish;
  refuseUnmapped(backup, tablespaces, host);
  if (found.running) throw destinationInUse(destination, host);
  const ours = isCopyOf(found, backup);
  const fresh = found.kind === 'absent' || (found.kind === 'directory' && found.empty);
  if (!fresh && !ours) throw destinationForeign(destination, found, backup, host);
  if (!fresh && found.started) throw destinationStarted(destination, host);
  if (ours && found.complete !== undefined) return undefined;
  const own = begunCopy(found, backup)?.tablespaces;
  const foreign = found.tablespacesInUse.filter((place) => own?.includes(place) !== true);
  // Of a copy that is there in part and does not tell its places, they are taken for its own.
  if (foreign.length > 0 && (fresh || own !== undefined)) throw tablespacePlacesInUse(foreign, host);
  const remains = fresh && found.tablespacesInUse.length > 0;
  const afresh = recoverAbilities(version, isMadeThere(state, wish)).continuation === 'afresh';
  const copied = !fresh && found.copying?.copied === true;
  const what = `backup ${backup.id} of ${backup.server} to ${node}:${destination}`;
  return {
    summary: fresh
      ? `copy ${what}${remains ? ': what an earlier copy has left in places of tablespaces goes first' : ''}`
      : copied
        ? `prove the copy of ${what}, and copy it only where it is not whole`
        : afresh
          ? `copy ${what}, anew from its beginning: what is there in part goes first`
          : `go on copying ${what}`,
    server: backup.server,
    backup: backup.id,
    node,
    destination,
    owner,
    user,
    tablespaces,
    continues: !fresh || remains,
    afresh,
    remains,
    copied,
    staged: server === undefined ? [] : stagedIn(backup, version, server, wish.staging_path),
    emptyBefore: found.kind === 'directory' && (fresh || found.copying?.emptyBefore === true),
    expected: {
      backup: backup.id,
      systemId: backup.systemId,
      beginLsn: formatLsn(backup.beginLsn),
      major: backup.version === undefined ? undefined : Math.floor(backup.version / 10_000),
      size: backup.size,
    },
    argv: argvOf(wish, state, !fresh),
  };
}

/** Where a difference to another backup is put together. */
function placeOf({ backup, version, server }: State, wish: Params): StagingPlace | undefined {
  return server && combinedIn(backup, version, server, wish.staging_path);
}

/** It is unpacked or put together on the receiving host. */
function isMadeThere(state: State, wish: Params): boolean {
  const place = placeOf(state, wish);
  return isPacked(state.backup) || (place !== undefined && (place.remote || wish.remote_ssh === undefined));
}

function argvOf(wish: Params, state: State, continues: boolean): readonly string[] {
  const { backup, version, server } = state;
  const place = placeOf(state, wish);
  // Before 3.15 Barman takes it from its configuration alone.
  const said = place !== undefined && locatesStaging(version);
  return recoverCommand(
    {
      server: backup.server,
      backup: backup.id,
      remoteSsh: wish.remote_ssh,
      destination: wish.destination,
      jobs: wish.jobs,
      tablespaces: wish.tablespaces,
      stagingPath: said
        ? place.path
        : (wish.staging_path ?? (isPacked(backup) ? server?.stagingPath : undefined)),
      stagedHere: said && !place.remote,
      packed: isMadeThere(state, wish),
      bandwidthLimit: wish.bandwidth_limit,
      continues,
    },
    version,
  );
}
