import type { BadFile, MergedArchive } from './archive.ts';
import { chainOf, isMissing, type Link, lastBeforeGap } from './chain.ts';
import { chooseLine } from './choose-line.ts';
import type { Instant } from './instant.ts';
import { type BackupPosition, type Line, linesFrom } from './lineage.ts';
import { type Lsn, lsnAt } from './lsn.ts';
import { numberHolding } from './segment.ts';
import { lsnOfTarget, type RecoveryTarget } from './target.ts';
import type { TimelineId } from './timeline.ts';

/** From when to when a backup can be rolled forward with the WAL that is there. */
export interface Reachable {
  /** The end of the backup; a target must be later. */
  readonly from: Instant;
  /** When the last WAL without a gap before it was written; absent when not even the backup becomes consistent. */
  readonly to?: Instant | undefined;
}

/** The WAL that a recovery needs, proved to be there. */
export interface WalPlan {
  readonly ok: true;
  readonly line: Line;
  /** From the backup's begin to the segment that was being written at the target. */
  readonly needed: readonly Link[];
  /** The last archived segment that can be reached without a gap. */
  readonly archivedUntil: Link & { readonly time: Instant };
  /** The position after it. */
  readonly endLsn: Lsn;
  readonly reachable: Reachable;
  /** The first missing segment after the target, which this recovery does not need. */
  readonly gapAfter?: Link | undefined;
}

/** Why the target cannot be reached. `line` is the timeline that was looked at. */
export type WalRefusal = { readonly ok: false; readonly reachable: Reachable } & (
  | { readonly why: 'before-backup-end' }
  | { readonly why: 'after-last-archived' | 'nothing-archived'; readonly line: Line }
  | {
      readonly why: 'missing';
      readonly line: Line;
      readonly missing: readonly Link[];
      readonly bad: readonly BadFile[];
    }
  /** More than one timeline was alive at the target; only a person knows which one is meant. */
  | { readonly why: 'timeline-ambiguous' | 'timeline-unreachable'; readonly candidates: readonly Line[] }
  /** `latest` means the leader's last commits, and its timeline is none that the backup leads to. */
  | { readonly why: 'leader-elsewhere'; readonly leader: TimelineId; readonly candidates: readonly Line[] }
  | { readonly why: 'timeline-conflict'; readonly timeline: TimelineId; readonly servers: readonly string[] }
);

/** What is told of the timeline that recovery is to follow. */
export interface LineWish {
  /** Named by hand. */
  readonly timeline?: TimelineId | undefined;
  /** Of the living leader: without another word `latest` is its last commit. */
  readonly leader?: TimelineId | undefined;
}

/**
 * Computes which WAL a recovery from `backup` to `target` needs and whether all of it is there. Without `timeline`
 * it is found by `chooseLine`.
 */
export function solveWal(
  backup: BackupPosition,
  archive: MergedArchive,
  target: RecoveryTarget,
  { timeline, leader }: LineWish = {},
): WalPlan | WalRefusal {
  const anywhere = (): Reachable => ({
    from: backup.endTime,
    to: farthest(linesFrom(backup, archive), backup, archive),
  });
  if (isBeforeEnd(target, backup)) {
    return {
      ok: false,
      why: 'before-backup-end',
      // All WAL is gone through for that, and of hundreds of newer backups nobody asks it.
      get reachable() {
        return anywhere();
      },
    };
  }
  const lines = linesFrom(backup, archive);
  const chosen =
    timeline === undefined
      ? chooseLine(lines, archive, target, leader)
      : lines.filter((line) => line.timeline === timeline);
  const [line] = chosen;
  if (line === undefined && timeline === undefined && leader !== undefined)
    return { ok: false, why: 'leader-elsewhere', leader, candidates: lines, reachable: anywhere() };
  if (line === undefined || chosen.length > 1) {
    const why = line === undefined ? 'timeline-unreachable' : 'timeline-ambiguous';
    return { ok: false, why, candidates: line === undefined ? lines : chosen, reachable: anywhere() };
  }
  const conflict = archive.conflicts.find((c) => line.way.some((s) => s.timeline === c.timeline));
  if (conflict !== undefined)
    return { ok: false, why: 'timeline-conflict', ...conflict, reachable: anywhere() };
  return walOnLine(line, backup, archive, target);
}

function isBeforeEnd(target: RecoveryTarget, backup: BackupPosition): boolean {
  if (target.kind === 'time') return target.time <= backup.endTime;
  const lsn = lsnOfTarget(target);
  return lsn !== undefined && lsn < backup.endLsn;
}

function walOnLine(
  line: Line,
  backup: BackupPosition,
  archive: MergedArchive,
  target: RecoveryTarget,
): WalPlan | WalRefusal {
  const chain = chainOf(line, archive);
  const reachable: Reachable = { from: backup.endTime, to: reachOf(chain, backup) };
  const refusal = { ok: false, reachable, line } as const;
  if (chain.every(isMissing)) return { ...refusal, why: 'nothing-archived' };
  const needed = neededOf(chain, backup, target);
  if (needed === undefined) return { ...refusal, why: 'after-last-archived' };
  const missing = needed.filter(isMissing);
  const end = lastBeforeGap(chain);
  if (missing.length > 0 || end?.time === undefined) {
    const names = new Set(missing.map((link) => link.segment));
    return {
      ...refusal,
      why: 'missing',
      missing,
      bad: archive.bad.filter((file) => names.has(file.segment)),
    };
  }
  return {
    ok: true,
    line,
    needed,
    archivedUntil: { ...end, time: end.time },
    endLsn: lsnAt(BigInt(end.number + 1) * BigInt(archive.segmentSize)),
    reachable,
    gapAfter: chain.find(isMissing),
  };
}

/**
 * Up to the segment that holds the target: for a time the first one that was still written to after it; nothing when
 * none of them reaches so far. Where the place of the target has to be looked for, all that can be reached.
 */
function neededOf(
  chain: readonly Link[],
  backup: BackupPosition,
  target: RecoveryTarget,
): readonly Link[] | undefined {
  const upTo = (index: number): readonly Link[] =>
    chain.slice(0, Math.max(index, consistentAt(chain, backup)) + 1);
  if (target.kind === 'latest') return chain;
  if (target.kind === 'immediate') return upTo(0);
  if (target.kind === 'time') {
    const last = chain.findLast((link) => link.time !== undefined)?.time;
    if (last === undefined || target.time > last) return undefined;
    const holds = chain.findIndex((link) => link.time !== undefined && link.time > target.time);
    return holds === -1 ? chain : upTo(holds);
  }
  const lsn = lsnOfTarget(target);
  if (lsn === undefined) {
    const gap = chain.findIndex(isMissing);
    return gap === -1 ? chain : upTo(gap - 1);
  }
  const holds = chain.findIndex((link) => link.number === numberHolding(lsn, backup.segmentSize));
  return holds === -1 ? undefined : upTo(holds);
}

/** The index of the segment in which the backup ends: before it the data is not consistent. */
function consistentAt(chain: readonly Link[], backup: BackupPosition): number {
  const lastByte = lsnAt(backup.endLsn === 0n ? 0n : backup.endLsn - 1n);
  return numberHolding(lastByte, backup.segmentSize) - (chain[0]?.number ?? 0);
}

/** When the last WAL without a gap before it was written; nothing when not even the backup becomes consistent. */
export function reachOf(chain: readonly Link[], backup: BackupPosition): Instant | undefined {
  const end = lastBeforeGap(chain);
  return end !== undefined && chain.indexOf(end) >= consistentAt(chain, backup) ? end.time : undefined;
}

/** The latest moment that any timeline reaches without a gap. */
function farthest(
  lines: readonly Line[],
  backup: BackupPosition,
  archive: MergedArchive,
): Instant | undefined {
  return lines
    .map((line) => reachOf(chainOf(line, archive), backup))
    .reduce(
      (best, next) => (next !== undefined && (best === undefined || next > best) ? next : best),
      undefined,
    );
}
