import type { MergedArchive } from './archive.ts';
import type { Instant } from './instant.ts';
import type { Lsn } from './lsn.ts';
import { numberHolding, type SegmentSize, segmentAt, type WalSegment } from './segment.ts';
import { stoppedAtTarget, type TimelineId } from './timeline.ts';

/** A stretch of the way from a backup to the end of a timeline: this timeline, from this segment on. */
export interface Stretch {
  readonly timeline: TimelineId;
  readonly fromNumber: number;
}

/** A timeline that the backup can be rolled forward to. */
export interface Line {
  readonly timeline: TimelineId;
  /** From the backup's timeline to this one. */
  readonly way: readonly Stretch[];
  /** The timeline it left, where, and whether on purpose; absent for the backup's own. */
  readonly origin?:
    | { readonly timeline: TimelineId; readonly at: Lsn; readonly onPurpose: boolean }
    | undefined;
  /** When it began: the backup's end, or the promotion. */
  readonly from: Instant;
  /** When the last WAL of this timeline that is archived was written; absent when none is. */
  readonly until?: Instant | undefined;
  /** The number of the last segment of this timeline that is archived, or before which it began. */
  readonly lastNumber: number;
}

/** Where a backup stands: what recovery from it needs first. */
export interface BackupPosition {
  readonly timeline: TimelineId;
  readonly beginLsn: Lsn;
  readonly endLsn: Lsn;
  readonly endTime: Instant;
  readonly segmentSize: SegmentSize;
}

/**
 * All timelines that hold the backup in their past, the backup's own first, as the history files of all archives tell.
 * A timeline that was left before the backup ended is none of them, and neither is what comes after one that was: the
 * positions of a history need not ascend, and then no WAL leads on from the backup.
 */
export function linesFrom(backup: BackupPosition, archive: MergedArchive): readonly Line[] {
  const size = backup.segmentSize;
  const begin = numberHolding(backup.beginLsn, size);
  const own: Stretch = { timeline: backup.timeline, fromNumber: begin };
  const lines: Line[] = [
    { timeline: backup.timeline, way: [own], from: backup.endTime, ...extent(own, archive) },
  ];
  for (const [timeline, { history, time }] of archive.histories) {
    const start = history.ancestors.findIndex((entry) => entry.timeline === backup.timeline);
    const origin = history.ancestors.at(-1);
    const entries = start === -1 ? [] : history.ancestors.slice(start);
    if (origin === undefined || entries.length === 0) continue;
    if (entries.some(({ until }) => until < backup.endLsn)) continue;
    const later = entries.map((entry, index, all) => ({
      timeline: all[index + 1]?.timeline ?? timeline,
      fromNumber: numberHolding(entry.until, size),
    }));
    const last = later.at(-1) ?? own;
    lines.push({
      timeline,
      way: [own, ...later],
      origin: { timeline: origin.timeline, at: origin.until, onPurpose: stoppedAtTarget(origin) },
      from: time,
      ...extent(last, archive),
    });
  }
  return lines.sort((a, b) => a.timeline - b.timeline);
}

function extent(stretch: Stretch, archive: MergedArchive): Pick<Line, 'lastNumber' | 'until'> {
  const last = archive.numbers.get(stretch.timeline)?.at(-1);
  if (last === undefined || last < stretch.fromNumber) return { lastNumber: stretch.fromNumber - 1 };
  const name = segmentAt(stretch.timeline, last, archive.segmentSize);
  return { lastNumber: last, until: archive.holdings.get(name)?.time };
}

/**
 * The name of the segment with this number on the way: PostgreSQL takes the newest timeline that had begun by then,
 * so the segment in which a timeline was left is read from the one that followed.
 */
export function segmentOnWay(way: readonly Stretch[], number: number, size: SegmentSize): WalSegment {
  const stretch = way.findLast((candidate) => candidate.fromNumber <= number) ?? way[0];
  if (stretch === undefined) throw new RangeError('a way has at least one stretch');
  return segmentAt(stretch.timeline, number, size);
}

/**
 * Whether `child` simply goes on where `parent` ended (a failover or switchover): it was not told to stop at a moment,
 * and the parent has no WAL in later segments that it would leave out.
 */
export function continues(child: Line, parent: Line, size: SegmentSize): boolean {
  if (child.origin?.timeline !== parent.timeline || child.origin.onPurpose) return false;
  return parent.lastNumber <= numberHolding(child.origin.at, size);
}
