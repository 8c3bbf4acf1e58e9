import type { ReadHost } from '../../contract/host.ts';
import { type Archive, type MergedArchive, mergeArchives } from '../wal/archive.ts';
import { chainOf, type Link, namesOfRuns } from '../wal/chain.ts';
import { lsnAt } from '../wal/lsn.ts';
import type { StopPoint } from '../wal/moment/scan.ts';
import { serversUsed } from '../wal/plan-words.ts';
import { numberHolding, parseSegment, segmentNumber, type WalSegment } from '../wal/segment.ts';
import { solveWal, type WalPlan, type WalRefusal } from '../wal/solve.ts';
import { type NodeTail, nodesToSave, silentNodes, type TailsParam, tailsOf } from '../wal/tail.ts';
import type { RecoveryTarget } from '../wal/target.ts';
import { type TimelineId, timelineId } from '../wal/timeline.ts';
import { planUpToGap } from '../wal/up-to-gap.ts';
import type { CompleteBackup } from './backup-info.ts';
import { readCatalogueAndArchives } from './catalogue.ts';
import { backupById } from './choose-backup.ts';
import type { ServerConfig } from './config.ts';
import { mayBeElsewhere, namedServer, serversThatCount } from './counted-servers.ts';
import { refuseDamagedHistories } from './history-refusals.ts';
import { proveUnpacking } from './packed-wal.ts';
import { alternativeTo, archivesFor, positionOf } from './recovery-wal.ts';
import type { Stock } from './refusals.ts';
import { proveHeads } from './segment-heads.ts';
import { walRefused } from './wal-refusals.ts';

/** What is asked of the archives. */
export interface RecoveryWalWish {
  /** Its id, or what `barman.backup` returned. */
  readonly backup:
    | string
    | { readonly id: string; readonly server: string; readonly begin_wal?: string | undefined };
  readonly target: RecoveryTarget;
  readonly timeline?: number | undefined;
  /** Of the living leader; 0 where nobody leads, or nobody has asked. */
  readonly leaderTimeline?: number | undefined;
  readonly server?: string | undefined;
  readonly servers?: readonly string[] | undefined;
  readonly user: string;
  readonly acceptGap: boolean;
  /** A target after the last archived WAL is taken: its WAL is still to be archived. */
  readonly allowUnarchived: boolean;
  /** What nodes have beside the archives, and will archive. */
  readonly tails?: TailsParam | undefined;
  /** Which compressed segments are unpacked, to prove that they can be; none where it is left out. */
  readonly unpack?: 'all' | { readonly after: WalSegment } | undefined;
  readonly progress?: ((text: string) => void) | undefined;
}

/** The WAL of a recovery, proved to be there. */
export interface RecoveryWal {
  readonly backup: CompleteBackup;
  /** The one that can be reached: with an accepted gap, latest. */
  readonly target: RecoveryTarget;
  readonly plan: WalPlan;
  readonly merged: MergedArchive;
  /** The servers whose archives were searched, the one of the backup first. */
  readonly servers: readonly (ServerConfig & Stock)[];
  /** Names of the missing segments, where a gap is accepted. */
  readonly gap?: readonly string[] | undefined;
  /** The target lies after the last archived WAL. */
  readonly unarchived: boolean;
  /** What the nodes have beside the archives. */
  readonly tails: readonly NodeTail[];
  /** How to say that only a person can tell. */
  readonly refuse: (refusal: WalRefusal) => Promise<never>;
}

/** Reads what lies on disk in Barman's archives and solves it for a target. Throws kind `refused` where it cannot be reached. */
export async function readRecoveryWal(host: ReadHost, wish: RecoveryWalWish): Promise<RecoveryWal> {
  const { target } = wish;
  const reference = typeof wish.backup === 'string' ? { id: wish.backup, server: wish.server } : wish.backup;
  const from = typeof wish.backup === 'string' ? undefined : parseSegment(wish.backup.begin_wal ?? '');
  const { servers: names } = wish;
  const { servers, archives } = await readCatalogueAndArchives(host, wish.user, {
    // Of one id there can be several where no server is said: that is refused below.
    whose: (all) => ({
      names,
      clusters: all
        .filter(({ name }) => (reference.server ?? name) === name)
        .flatMap(({ backups }) => backups.filter(({ id }) => id === reference.id))
        .map(({ systemId }) => systemId),
    }),
    from,
  });
  const holding =
    reference.server === undefined
      ? serversThatCount(servers, { names, clusters: [] }, host.name)
      : [namedServer(servers, reference.server, host.name)];
  const elsewhere = reference.server === undefined ? mayBeElsewhere(servers, names) : undefined;
  const backup = backupById(reference.id, holding, host.name, elsewhere);
  const whose = { names, clusters: [backup.systemId] };
  const searched = serversThatCount(servers, whose, host.name);
  const own = archivesFor(backup, searched, archives);
  refuseDamagedHistories(own, host.name);
  const refuse = async (refusal: WalRefusal, proved: readonly Archive[] = own): Promise<never> => {
    const all = await readCatalogueAndArchives(host, wish.user, { whose: () => whose });
    throw walRefused(refusal, {
      backup,
      target,
      servers: own.map(({ server }) => server),
      alternative: await alternativeTo(
        backup,
        serversThatCount(all.servers, whose, host.name),
        markedAs(proved, all.archives),
        target,
        { leader: leaderOf(wish) },
      ),
      silent: silentNodes(wish.tails ?? []),
      host: host.name,
    });
  };
  const used = own.flatMap(({ server }) => servers.filter(({ name }) => name === server));
  const solved = async (copies: readonly Archive[]): Promise<RecoveryWal> => {
    const wal = solveOn(copies, backup, wish);
    return 'why' in wal ? refuse(wal, copies) : { ...wal, servers: used, refuse };
  };
  const { unpack, user, progress } = wish;
  if (unpack === undefined) return solved(own);
  const { segmentSize } = backup;
  const after = unpack === 'all' ? -1 : segmentNumber(unpack.after, segmentSize);
  for (let proved = own; ; ) {
    const wal = await solved(proved);
    const links = wal.plan.needed.filter(({ number }) => number > after);
    const { systemId } = backup;
    const wished = { user, segmentSize, systemId, servers: used, progress };
    const next = await proveUnpacking(host, links, await proveHeads(host, links, proved, wished), wished);
    // Where a copy is broken, another server's may do, or another way.
    if (next === proved) return wal;
    proved = next;
  }
}

/** Archives that were read again, with what was found to be wrong in their files before. */
function markedAs(proved: readonly Archive[], again: readonly Archive[]): readonly Archive[] {
  return again.map((archive) => {
    const files = proved.find(({ server }) => server === archive.server)?.files ?? [];
    const broken = new Map(
      files.flatMap((file) => (file.broken === undefined ? [] : [[file.segment, file.broken]])),
    );
    return {
      ...archive,
      files: archive.files.map((file) => {
        const why = file.partial ? undefined : broken.get(file.segment);
        return why === undefined ? file : { ...file, broken: why };
      }),
    };
  });
}

function solveOn(
  own: readonly Archive[],
  backup: CompleteBackup,
  wish: RecoveryWalWish,
): Omit<RecoveryWal, 'servers' | 'refuse'> | WalRefusal {
  const { target } = wish;
  const tails = tailsOf(wish.tails ?? [], backup);
  const merged = mergeArchives([...own, ...tails.map(({ archive }) => archive)], backup.segmentSize);
  const found = { backup, merged, tails };
  const timeline = wish.timeline === undefined ? undefined : timelineId(wish.timeline);
  const solved = solveWal(positionOf(backup), merged, target, { timeline, leader: leaderOf(wish) });
  if (solved.ok) return { ...found, target, plan: solved, unarchived: false };
  if (solved.why === 'missing' && wish.acceptGap) {
    const plan = planUpToGap(solved, merged);
    if (plan !== undefined) {
      const gap = namesOfRuns(solved.missing);
      // What lies before the gap is replayed to its end.
      return { ...found, target: { kind: 'latest' }, plan, gap, unarchived: false };
    }
  }
  if (solved.why === 'after-last-archived' && wish.allowUnarchived) {
    const plan = solveWal(positionOf(backup), merged, { kind: 'latest' }, solved.line);
    if (plan.ok) return { ...found, target, plan, unarchived: true };
  }
  return solved;
}

function leaderOf({ leaderTimeline = 0 }: RecoveryWalWish): TimelineId | undefined {
  return leaderTimeline === 0 ? undefined : timelineId(leaderTimeline);
}

/**
 * What PostgreSQL reads of the chain until it stops: all that is surely needed, and up to the record that stops it. That
 * may lie behind: a segment that was closed after the moment need not have the first commit after it.
 */
export function linksToStop(
  { plan, backup }: Pick<RecoveryWal, 'plan' | 'backup'>,
  chain: readonly Link[],
  stop: Pick<StopPoint, 'readTo'> | undefined,
): readonly Link[] {
  const last = stop === undefined ? -1 : numberHolding(lsnAt(stop.readTo - 1n), backup.segmentSize);
  return chain.filter(({ number }, index) => index < plan.needed.length || number <= last);
}

/** The servers whose archives have what is read of the chain, the one of the backup first; no pg_wal of a node. */
export function archivesUsed(
  wal: Pick<RecoveryWal, 'backup' | 'plan' | 'merged' | 'tails'>,
  read: readonly Link[] = wal.plan.needed,
): readonly string[] {
  const plan = { ...wal.plan, needed: read };
  return serversUsed(plan, wal.merged, wal.backup.server).filter(isArchive(wal));
}

/** Not the pg_wal of a node. */
export function isArchive({ tails }: Pick<RecoveryWal, 'tails'>): (server: string) => boolean {
  return (server) => !tails.some(({ archive }) => archive.server === server);
}

/**
 * The nodes that have WAL of this recovery which no archive has. `read` (`linksToStop`) is sorted by `farthestFirst`. So
 * have those that alone have the history file of a number that a promotion has to pass over: it passes over what an archive knows.
 */
export function savingNodes(
  { plan, merged, tails }: Pick<RecoveryWal, 'plan' | 'merged' | 'tails'>,
  read: readonly Link[],
): readonly string[] {
  const passed = plan.line.way.slice(1).map(({ timeline }) => timeline);
  for (let next = plan.line.timeline + 1; merged.historyServers.has(timelineId(next)); next++)
    passed.push(timelineId(next));
  const histories = passed.map((timeline) => merged.historyServers.get(timeline) ?? []);
  return nodesToSave(read, histories, tails);
}

/** All segments that can be read without a gap, from the backup on. */
export function readableChain({ plan, merged }: Pick<RecoveryWal, 'plan' | 'merged'>): readonly Link[] {
  return chainOf(plan.line, merged).filter(({ number }) => number <= plan.archivedUntil.number);
}
