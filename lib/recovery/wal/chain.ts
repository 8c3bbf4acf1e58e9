import type { MergedArchive } from './archive.ts';
import { earliest, type Instant } from './instant.ts';
import { type Line, segmentOnWay } from './lineage.ts';
import type { WalSegment } from './segment.ts';

/** A segment that recovery needs on its way, and where it lies. */
export interface Link {
  readonly segment: WalSegment;
  readonly number: number;
  /** Servers with the whole of it; none when it is missing or there in part only. */
  readonly servers: readonly string[];
  readonly partial: boolean;
  /** No commit in it is later than this; absent when nothing is known of it. */
  readonly time?: Instant | undefined;
  /** When it was last written, as the archives say, whatever they say of later segments: clocks can go back. */
  readonly written?: Instant | undefined;
}

/** All segments from the backup to the last archived one of a line, in order, the missing ones among them. */
export function chainOf(line: Line, archive: MergedArchive): readonly Link[] {
  const links: Link[] = [];
  const first = line.way[0]?.fromNumber ?? 0;
  for (let number = first; number <= line.lastNumber; number++) {
    const segment = segmentOnWay(line.way, number, archive.segmentSize);
    const holding = archive.holdings.get(segment);
    // The beginning of a segment can only be the end of the way.
    const whole = holding?.servers ?? [];
    const part = number === line.lastNumber && whole.length === 0 ? (holding?.partialServers ?? []) : [];
    links.push({
      segment,
      number,
      servers: whole.length > 0 ? whole : part,
      partial: part.length > 0,
      time: holding?.time,
      written: holding?.time,
    });
  }
  return withBoundedTimes(links);
}

export function isMissing(link: Link): boolean {
  return link.servers.length === 0;
}

/**
 * A segment was full before any later one was: the time of a stray copy (uploaded again after a failover, with the
 * day of the upload) is brought back to that of its successors.
 */
function withBoundedTimes(links: readonly Link[]): readonly Link[] {
  let bound: Instant | undefined;
  const out: Link[] = [];
  for (const link of links.toReversed()) {
    if (link.time !== undefined) bound = bound === undefined ? link.time : earliest(bound, link.time);
    out.push(link.time === undefined ? link : { ...link, time: bound });
  }
  return out.reverse();
}

/** The last segment that can be reached without a gap; nothing when already the first one is missing. */
export function lastBeforeGap(chain: readonly Link[]): Link | undefined {
  const gap = chain.findIndex(isMissing);
  return gap === -1 ? chain.at(-1) : chain[gap - 1];
}

interface Run {
  readonly first: Link;
  readonly last: Link;
  readonly count: number;
}

/** Links that follow each other, as runs; `numbers` must ascend. */
export function runsOf(links: readonly Link[]): readonly Run[] {
  const runs: { first: Link; last: Link; count: number }[] = [];
  for (const link of links) {
    const run = runs.at(-1);
    if (run !== undefined && run.last.number + 1 === link.number) {
      run.last = link;
      run.count += 1;
    } else runs.push({ first: link, last: link, count: 1 });
  }
  return runs;
}

/** Names as runs: `…05`, `…09 to …0C (4 segments)`; `numbers` must ascend. */
export function namesOfRuns(links: readonly Link[], most = 8): readonly string[] {
  const runs = runsOf(links);
  const lines = runs
    .slice(0, most)
    .map(({ first, last, count }) =>
      count === 1 ? first.segment : `${first.segment} to ${last.segment} (${count} segments)`,
    );
  return runs.length > most ? [...lines, `and ${runs.length - most} more gaps`] : lines;
}
