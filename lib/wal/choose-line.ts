import type { MergedArchive } from './archive.ts';
import { chainOf } from './chain.ts';
import type { Instant } from './instant.ts';
import { continues, type Line } from './lineage.ts';
import { lsnAt } from './lsn.ts';
import { numberHolding } from './segment.ts';
import type { RecoveryTarget } from './target.ts';

/**
 * The timeline that was alive at the target: it had begun by then and has WAL from then or later. A timeline and the
 * one that simply goes on after it (failover, switchover) count as one, a branch on purpose (an earlier recovery to a
 * moment) does not. At a moment when nothing was written the state is the end of what had been written before.
 * For `latest` it is the timeline that wrote WAL last.
 *
 * Several lines in the answer mean that the target alone does not tell.
 */
export function chooseLine(
  lines: readonly Line[],
  archive: MergedArchive,
  target: RecoveryTarget,
): readonly Line[] {
  if (target.kind === 'latest') return lastWritten(lines);
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
