import { setImmediate } from 'node:timers/promises';
import { type Archive, archivesOf, type MergedArchive, mergeArchives } from '../wal/archive.ts';
import type { Link } from '../wal/chain.ts';
import { formatInstant } from '../wal/instant.ts';
import type { BackupPosition } from '../wal/lineage.ts';
import { segmentNumber } from '../wal/segment.ts';
import { type LineWish, solveWal, type WalPlan, type WalRefusal } from '../wal/solve.ts';
import { type TailsParam, tailsOf } from '../wal/tail.ts';
import type { RecoveryTarget } from '../wal/target.ts';
import { type CompleteBackup, isComplete } from './backup-info.ts';
import type { Stock } from './refusals.ts';

/**
 * The archives that may hold WAL of a backup: those of servers of the same cluster, the backup's own first. A server
 * that does not know its cluster yet counts as one of them.
 */
export function archivesFor(
  backup: CompleteBackup,
  servers: readonly Stock[],
  archives: readonly Archive[],
): readonly Archive[] {
  const wanted = ofCluster(backup, servers, archives);
  return [
    ...wanted.filter(({ server }) => server === backup.server),
    ...wanted.filter(({ server }) => server !== backup.server),
  ];
}

function ofCluster(
  backup: CompleteBackup,
  servers: readonly Stock[],
  archives: readonly Archive[],
): readonly Archive[] {
  const same = (archive: Archive): boolean => {
    const systemId = servers.find(({ name }) => name === archive.server)?.systemId;
    return systemId === undefined || backup.systemId === undefined || systemId === backup.systemId;
  };
  return archivesOf(servers, archives).filter(same);
}

/** Where a backup stands, for the solver. */
export function positionOf(backup: CompleteBackup): BackupPosition {
  const { timeline, beginLsn, endLsn, endTime, segmentSize } = backup;
  return { timeline, beginLsn, endLsn, endTime, segmentSize };
}

/**
 * Whether a backup can be rolled forward to a target with what is archived, and what nodes have beside it. Of a thousand
 * backups each takes its time: between two of them connections and the lock have their turn.
 */
export async function solveFor(
  backup: CompleteBackup,
  wal: WalAtHand,
  target: RecoveryTarget,
  follow: LineWish = {},
): Promise<WalPlan | WalRefusal> {
  await setImmediate();
  return solveWal(positionOf(backup), mergedFor(backup, wal), target, follow);
}

/** What can be replayed: what is archived, and what nodes have beside it. */
interface WalAtHand {
  readonly servers: readonly Stock[];
  readonly archives: readonly Archive[];
  readonly tails?: TailsParam | undefined;
}

interface Merged {
  readonly tails: TailsParam;
  readonly archive: MergedArchive;
}

/** Merging hundreds of thousands of files takes a second: what a look has listed is merged once for all of its backups. */
const merged = new WeakMap<readonly Archive[], Map<string, Merged>>();

const NO_TAILS: TailsParam = [];

/**
 * The archives of a backup's cluster as one, with what nodes have beside them. Servers of a segment stand in the order of
 * `archives`: who reads segments merges `archivesFor`, the backup's own server first.
 */
export function mergedFor(
  backup: CompleteBackup,
  { servers, archives, tails = NO_TAILS }: WalAtHand,
): MergedArchive {
  const own = ofCluster(backup, servers, archives);
  const key = JSON.stringify([backup.systemId, backup.segmentSize, ...own.map(({ server }) => server)]);
  const known = merged.get(archives) ?? new Map<string, Merged>();
  const before = known.get(key);
  if (before?.tails === tails) return before.archive;
  const beside = tailsOf(tails, backup).map(({ archive }) => archive);
  const archive = mergeArchives([...own, ...beside], backup.segmentSize);
  merged.set(archives, known.set(key, { tails, archive }));
  return archive;
}

/** The last backup of the same cluster but this one from which the target can be reached; none when no other can. */
export async function alternativeTo(
  backup: CompleteBackup,
  servers: readonly Stock[],
  archives: readonly Archive[],
  target: RecoveryTarget,
  follow: LineWish = {},
): Promise<CompleteBackup | undefined> {
  const others = servers
    .flatMap(({ backups }) => backups)
    .filter(isComplete)
    .filter(({ systemId }) => systemId === backup.systemId)
    .filter(({ id, server }) => id !== backup.id || server !== backup.server)
    .sort((a, b) => (a.endTime < b.endTime ? 1 : -1));
  for (const other of others)
    if ((await solveFor(other, { servers, archives }, target, follow)).ok) return other;
  return undefined;
}

/**
 * What Barman deletes when the first backup of a server is taken, in words: all WAL archived there before it, though
 * after a change of leader the backups of the old leader's server need it. Nothing where no other backup could.
 */
export function deletedByFirstBackup(
  server: Stock,
  servers: readonly Stock[],
  archives: readonly Archive[],
): string | undefined {
  const files = archives.find((archive) => archive.server === server.name)?.files ?? [];
  const others = servers
    .filter(({ name, systemId }) => name !== server.name && (server.systemId ?? systemId) === systemId)
    .flatMap(({ backups }) => backups)
    .filter(isComplete);
  const [first] = files.map(({ time }) => time).sort((a, b) => (a < b ? -1 : 1));
  if (server.backups.some(isComplete) || first === undefined || others.length === 0) return undefined;
  const names = others.slice(0, 3).map((backup) => `${backup.id} of ${backup.server}`);
  return (
    `This is the first backup of server ${server.name}: Barman deletes the ${files.length} WAL segments that are archived ` +
    `there, the oldest from ${formatInstant(first)}. Moments between then and the end of the new backup can no longer ` +
    `be reached from older backups (${names.join(', ')}).`
  );
}

/** What has to be held so that no retention policy takes away what a recovery rests on. */
export interface Holds {
  readonly backups: readonly { readonly server: string; readonly backup: string }[];
  /** Servers whose WAL is needed and is older than all of their backups: nothing that Barman keeps would hold it. */
  readonly unheld: readonly string[];
}

/**
 * The backup itself, and on every other server whose WAL is needed the newest backup that is older than that WAL: Barman
 * keeps WAL from a kept backup on.
 */
export function holdsFor(
  backup: CompleteBackup,
  needed: readonly Link[],
  used: readonly string[],
  servers: readonly Stock[],
): Holds {
  const backups = [{ server: backup.server, backup: backup.id as string }];
  const unheld: string[] = [];
  for (const name of used.filter((one) => one !== backup.server)) {
    const first = needed.find((link) => link.servers.includes(name) && !link.servers.includes(backup.server));
    if (first === undefined) continue;
    const before = servers
      .find((server) => server.name === name)
      ?.backups.filter(isComplete)
      .find(({ beginWal, segmentSize }) => segmentNumber(beginWal, segmentSize) <= first.number);
    if (before === undefined) unheld.push(name);
    else backups.push({ server: name, backup: before.id });
  }
  return { backups, unheld };
}
