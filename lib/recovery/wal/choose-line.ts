import type { MergedArchive } from './archive.ts';
import { chainOf } from './chain.ts';
import type { Instant } from './instant.ts';
import { continues, type Line } from './lineage.ts';
import { type Lsn, lsnAt } from './lsn.ts';
import { numberHolding, type SegmentSize } from './segment.ts';
import { lsnOfTarget, type RecoveryTarget } from './target.ts';
import type { TimelineId } from './timeline.ts';

/**
 * The timeline that was alive at the target: it had begun by then and has WAL from then or later. A timeline and the
 * one that simply goes on after it (failover, switchover) count as one, a branch on purpose (an earlier recovery to a
 * moment) does not. At a moment when nothing was written the state is the end of what had been written before.
 * For `latest` it is the timeline of the living leader, whose WAL may all be still to be archived; where nobody leads, and
 * for what has to be looked for, the timeline that wrote WAL last; for a position the one that wrote it; the end of the
 * backup lies on the backup's own.
 *
 * Several lines in the answer mean that the target alone does not tell.
 */
export function chooseLine(
  lines: readonly Line[],
  archive: MergedArchive,
  target: RecoveryTarget,
  leader?: TimelineId,
): readonly Line[] {
  if (target.kind === 'latest' && leader !== undefined)
    return lines.filter(({ timeline }) => timeline === leader);
  const lsn = lsnOfTarget(target);
  if (lsn !== undefined) return linesHolding(lines, archive, lsn);
  if (target.kind === 'immediate') return lines.slice(0, 1);
  if (target.kind !== 'time') return lastWritten(lines);
  const { time } = target;
  const size = archive.segmentSize;
  const newestOf = (some: readonly Line[]): readonly Line[] =>
    some.filter((line) => !some.some((child) => continues(child, line, size)));
  const begun = lines.filter((line) => line.from <= time);
  const alive = newestOf(begun.filter((line) => line.until !== undefined && time <= line.until));
  if (alive.length > 1) return alive;
  const [line] = alive;
  if (line !== undefined) return [throughFailover(line, lines, archive, time)];

  const ended = newestOf(begun);
  const [end] = ended;
  if (ended.length === 1 && end !== undefined) {
    const follower = nextOf(end, lines, archive);
    if (follower !== undefined) return [follower];
  }
  const begunLater = lines.filter((later) => later.from > time && later.until !== undefined);
  return begunLater.length > 0 ? [...ended, ...begunLater] : lastWritten(ended);
}

/**
 * The lines that hold this position, one for each timeline that wrote something of its own there. Where several lines
 * share what was written, the newest that goes on after it is taken: the end of an older one may be archived in part.
 */
export function linesHolding(lines: readonly Line[], archive: MergedArchive, lsn: Lsn): readonly Line[] {
  const size = archive.segmentSize;
  const holding = lines.filter((line) => line.lastNumber >= numberHolding(lsn, size));
  const newest = holding.filter((line) => !holding.some((child) => continues(child, line, size)));
  const byWriter = new Map<TimelineId, Line>();
  for (const line of newest) {
    const writer = writerAt(line, archive, lsn);
    const known = byWriter.get(writer);
    // Of lines that branched off on purpose the one that wrote it itself, if it is there.
    if (known === undefined || line.timeline === writer) byWriter.set(writer, line);
  }
  return byWriter.size === 0 ? lastWritten(lines) : [...byWriter.values()];
}

/** The timeline that wrote this position, as a line has it. */
function writerAt(line: Line, archive: MergedArchive, lsn: Lsn): TimelineId {
  const ancestors = archive.histories.get(line.timeline)?.history.ancestors ?? [];
  return ancestors.find(({ until }) => lsn < until)?.timeline ?? line.timeline;
}

/**
 * The timelines that may hold later commits than this one, though none of their WAL is known: what began after its last
 * WAL was written, or goes on where it ended.
 */
export function goneOn(line: Line, lines: readonly Line[], size: SegmentSize): readonly Line[] {
  return lines.filter(
    (other) =>
      other !== line &&
      other.until === undefined &&
      (other.from > (line.until ?? line.from) || continues(other, line, size)),
  );
}

function lastWritten(lines: readonly Line[]): readonly Line[] {
  const [first, ...rest] = lines;
  if (first === undefined) return [];
  return [rest.reduce((best, next) => ((next.until ?? 0n) > (best.until ?? 0n) ? next : best), first)];
}

/** The line that goes on where this one ended and has WAL of its own. */
function nextOf(line: Line, lines: readonly Line[], archive: MergedArchive): Line | undefined {
  return lines.find((child) => child.until !== undefined && continues(child, line, archive.segmentSize));
}

/**
 * A target in the last segment of a timeline that was left by a failover: the timeline that goes on is the safer one.
 * Up to the failover both are the same, the commit that stops recovery may lie after it, and the end of the old one
 * is often archived in part only.
 */
function throughFailover(line: Line, lines: readonly Line[], archive: MergedArchive, time: Instant): Line {
  const next = nextOf(line, lines, archive);
  if (next?.origin === undefined) return line;
  const chain = chainOf(line, archive);
  const holds = chain.find((link) => link.time !== undefined && link.time > time)?.number ?? line.lastNumber;
  const left = numberHolding(lsnAt(next.origin.at === 0n ? 0n : next.origin.at - 1n), archive.segmentSize);
  return holds >= Math.min(left, line.lastNumber) ? throughFailover(next, lines, archive, time) : line;
}
