import { z } from 'zod';
import type { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineLook, type TaskContext } from '../../contract/module.ts';
import {
  leadsToGap,
  otherMeaning,
  type PassedOver,
  whyChosen,
  whyNot,
  whyUpToGap,
} from '../../recovery/barman/auto-backup.ts';
import type { CompleteBackup } from '../../recovery/barman/backup-info.ts';
import { backupResult, backupReturns } from '../../recovery/barman/backup-result.ts';
import { barmanResource, readCatalogue, readCatalogueAndArchives } from '../../recovery/barman/catalogue.ts';
import { backupById, usableBackups } from '../../recovery/barman/choose-backup.ts';
import type { ServerConfig } from '../../recovery/barman/config.ts';
import {
  type Counted,
  mayBeElsewhere,
  namedServer,
  serversThatCount,
} from '../../recovery/barman/counted-servers.ts';
import { findInBackups } from '../../recovery/barman/find-in-backups.ts';
import { refuseDamagedHistories } from '../../recovery/barman/history-refusals.ts';
import { stagingOf } from '../../recovery/barman/local-staging.ts';
import {
  leaderTimelineParam,
  serversParam,
  tailsParam,
  timelineParam,
  userParam,
} from '../../recovery/barman/params.ts';
import { proveBackupFiles } from '../../recovery/barman/prove-backup-files.ts';
import { solveFor } from '../../recovery/barman/recovery-wal.ts';
import type { Stock } from '../../recovery/barman/refusals.ts';
import { refuseUnmapped } from '../../recovery/barman/restore-refusals.ts';
import { restoredSize } from '../../recovery/barman/restored-size.ts';
import { walRefused } from '../../recovery/barman/wal-refusals.ts';
import type { WalPlan, WalRefusal } from '../../recovery/wal/solve.ts';
import { silentNodes } from '../../recovery/wal/tail.ts';
import {
  checkedTarget,
  lsnOfTarget,
  type RecoveryTarget,
  targetData,
  targetSchema,
  targetTimeSchema,
} from '../../recovery/wal/target.ts';
import { timelineId } from '../../recovery/wal/timeline.ts';

const params = z.strictObject({
  id: z
    .string()
    .min(1)
    .describe(
      'its id; `latest`: the last one that is DONE; `auto`: the last one from which the target can be reached',
    ),
  server: z.string().optional().describe('the Barman server that holds it; found when left out'),
  servers: serversParam,
  target_time: targetTimeSchema.default('latest').describe('for `auto`: `latest`, or a time with its offset'),
  target: targetSchema
    .optional()
    .describe('any target, instead of target_time; a transaction or restore point is looked for in all WAL'),
  unarchived: z
    .enum(['refuse', 'allow'])
    .default('refuse')
    .describe('allow: a target after the last archived WAL, where that WAL is still to be archived'),
  accept_gap: z
    .boolean()
    .default(false)
    .describe(
      'for `auto`: where WAL is missing on every way to the target, the newest one that can be recovered up to the gap',
    )
    .meta({ variable: 'accept_gap' }),
  tails: tailsParam,
  timeline: timelineParam,
  leader_timeline: leaderTimelineParam,
  tablespaces: z
    .record(z.string(), z.string())
    .optional()
    .describe(
      'tablespace name to its new place (barman.recover): a backup that has any other is refused here already',
    )
    .meta({ variable: 'tablespaces' }),
  system_id: z
    .string()
    .regex(/^\d+$/)
    .optional()
    .describe('for `latest` and `auto`: of the cluster (postgres.control); after an upgrade Barman has two'),
  restored_bytes: z
    .number()
    .nonnegative()
    .nullish()
    .describe('bytes that it will have on the node, where that is known better; found when left out')
    .meta({ variable: 'restored_bytes' }),
  staging_path: z
    .string()
    .nullish()
    .describe('the staging path that barman.recover will be told')
    .meta({ variable: 'staging_path' }),
  user: userParam,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Finds a base backup and tells all about it, or refuses.',
  description:
    'Refuses an id that no server has (with a list of those that exist), one that several servers have, a backup that is not DONE, and one whose files are not all on disk. That Barman does not answer is an error of its own and never "not found".',
  examples: `- barman.backup: { id: "{{ backup }}" }
  delegate_to: "{{ barman_host }}"
  register: chosen

- barman.backup: { id: auto, target_time: "2026-11-22 09:34:43+00" }
  delegate_to: "{{ barman_host }}"
  register: chosen`,
  params,
  freeForm: 'id',
  returns: {
    ...backupReturns,
    restored_bytes:
      'bytes that it will have on the node, unpacked; of a difference to another backup the most that it can have; absent where that cannot be told',
    staging_path: 'where Barman is configured to unpack a compressed one (recovery_staging_path)',
    staged_locally:
      'true where this version of Barman puts it together, or decrypts it, on its own host first; absent otherwise',
    local_staging_path: 'where Barman is configured to do that (local_staging_path, staging_path)',
    combined_in:
      'the directory on the node in which Barman puts it together, where it does so there; absent otherwise',
    why: 'for auto: why this one, and why newer ones were passed over, in lines',
    target: 'the target as a mapping; for auto with found_at, where it had to be looked for',
  },
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, wish, context) => {
    const target = checkedTarget(wish.target ?? wish.target_time);
    if (wish.id === 'auto') {
      const { servers, ...chosen } = await reaching(host, wish, target, context);
      refuseUnmapped(chosen.backup, wish.tablespaces, host.name);
      await proveBackupFiles(host, chosen.backup, servers, wish.user, {
        progress: (text) => context.progress(text),
      });
      return {
        ...(await toRestore(host, chosen.backup, servers, wish)),
        why: chosen.why,
        target: targetData(chosen.target),
      };
    }
    const { servers } = await readCatalogue(host, wish.user);
    const names = namesOf(wish);
    const wanted = serversThatCount(servers, { names, clusters: clusterOf(wish) }, host.name);
    const backup =
      wish.id === 'latest'
        ? usableBackups(wish.id, wanted, host.name, wish.system_id, elsewhere(servers, wish))[0]
        : backupById(wish.id, wanted, host.name, mayBeElsewhere(servers, names));
    // A later one, or another one of that id, may lie where nobody could look.
    serversThatCount(servers, { names, clusters: [backup.systemId] }, host.name);
    refuseUnmapped(backup, wish.tablespaces, host.name);
    await proveBackupFiles(host, backup, servers, wish.user, {
      progress: (text) => context.progress(text),
    });
    return { ...(await toRestore(host, backup, servers, wish)), why: [], target: targetData(target) };
  },
});

/** What barman.recover must know beforehand: how much room it takes, and where it is unpacked. */
async function toRestore(
  host: ReadHost,
  backup: CompleteBackup,
  servers: readonly (ServerConfig & Stock)[],
  { restored_bytes: told, staging_path: staging, user }: Params,
) {
  const server = servers.find(({ name }) => name === backup.server);
  return {
    ...backupResult(backup),
    restored_bytes: told ?? (await restoredSize(host, backup, servers, user)),
    staging_path: server?.stagingPath,
    ...(await stagingOf(host, backup, server, staging ?? undefined, user)),
  };
}

function namesOf({ server, servers }: Params): readonly string[] | undefined {
  return server === undefined ? servers : [server];
}

function clusterOf({ system_id: id }: Params): readonly string[] {
  return id === undefined ? [] : [id];
}

/** Of a cluster that is said, a server of another one has nothing. */
function elsewhere(servers: readonly Counted[], wish: Params): PitrError | undefined {
  return wish.system_id === undefined ? mayBeElsewhere(servers, namesOf(wish)) : undefined;
}

interface Chosen {
  readonly backup: CompleteBackup;
  readonly servers: readonly (ServerConfig & Stock)[];
  readonly why: readonly string[];
  readonly target: RecoveryTarget;
}

interface Judged {
  readonly backup: CompleteBackup;
  readonly refusal: WalRefusal;
}

/**
 * The last backup from which the target can be reached with what is archived, whichever server holds the WAL; with an
 * accepted gap, and where there is none, the last one that leads up to one.
 */
async function reaching(
  host: ReadHost,
  wish: Params,
  asked: RecoveryTarget,
  context: TaskContext,
): Promise<Chosen> {
  const { servers, archives } = await readCatalogueAndArchives(host, wish.user, {
    whose: () => ({ names: wish.servers, clusters: [wish.system_id] }),
  });
  const said = { names: wish.servers, clusters: clusterOf(wish) };
  const counted = serversThatCount(servers, said, host.name);
  const wanted = wish.server === undefined ? counted : [namedServer(servers, wish.server, host.name)];
  const usable = usableBackups(wish.id, wanted, host.name, wish.system_id, elsewhere(servers, wish));
  const clusters = new Set(usable.map(({ systemId }) => systemId));
  const searched = serversThatCount(servers, { ...said, clusters: [...clusters] }, host.name);
  const searchedNames = searched
    .filter(({ systemId }) => systemId === undefined || clusters.has(systemId))
    .map(({ name }) => name);
  refuseDamagedHistories(
    archives.filter(({ server }) => searchedNames.includes(server)),
    host.name,
  );
  const timeline = wish.timeline === undefined ? undefined : timelineId(wish.timeline);
  const isSought = (asked.kind === 'xid' || asked.kind === 'name') && lsnOfTarget(asked) === undefined;
  const target = isSought
    ? await findInBackups(
        host,
        { usable, servers, searched, archives, target: asked, timeline, user: wish.user },
        context,
      )
    : asked;
  const wal = { servers: searched, archives, tails: wish.tails };
  const leader = wish.leader_timeline === 0 ? undefined : timelineId(wish.leader_timeline);
  const solve = async (backup: CompleteBackup): Promise<WalPlan | WalRefusal> => {
    context.signal.throwIfAborted();
    const solved = await solveFor(backup, wal, target, { timeline, leader });
    return !solved.ok && solved.why === 'after-last-archived' && wish.unarchived === 'allow'
      ? solveFor(backup, wal, { kind: 'latest' }, solved.line)
      : solved;
  };
  const refused = ({ backup, refusal }: Judged) =>
    walRefused(refusal, {
      backup,
      target,
      servers: searched.map(({ name }) => name),
      silent: silentNodes(wish.tails),
      host: host.name,
    });
  const judged: Judged[] = [];
  const chosen = async (backup: CompleteBackup, why: readonly string[]): Promise<Chosen> => {
    const older = usable.slice(usable.indexOf(backup) + 1);
    const doubt = timeline === undefined ? await otherMeaning(target, older, solve) : undefined;
    if (doubt !== undefined) throw refused(doubt);
    return { backup, why, target, servers };
  };
  for (const backup of usable) {
    const solved = await solve(backup);
    if (solved.ok) return chosen(backup, whyChosen(backup, passedOver(judged, target), target));
    judged.push({ backup, refusal: solved });
  }
  // The last one that ended before the target has the reason why not; where all ended later, the first one has.
  const why = judged.find(({ refusal }) => refusal.why !== 'before-backup-end') ?? judged.at(-1);
  if (why === undefined) throw new Error('there is a usable backup');
  if (wish.accept_gap && why.refusal.why === 'missing') {
    const upTo = judged.findIndex(({ refusal }) => leadsToGap(refusal));
    const to = judged[upTo];
    if (to !== undefined && leadsToGap(to.refusal))
      return chosen(to.backup, whyUpToGap(to.backup, to.refusal, passedOver(judged.slice(0, upTo), target)));
  }
  throw refused(why);
}

function passedOver(judged: readonly Judged[], target: RecoveryTarget): readonly PassedOver[] {
  return judged.map(({ backup, refusal }) => ({ backup, why: whyNot(refusal, target, backup) }));
}
