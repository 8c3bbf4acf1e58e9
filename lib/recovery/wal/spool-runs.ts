import { z } from 'zod';
import type { Link } from './chain.ts';
import { parseSegment, type SegmentSize, segmentAt, segmentNumber, timelineOf } from './segment.ts';

/** Segments that follow each other on one timeline in one archive. */
export interface SpoolRun {
  readonly server: string;
  /** Where that server keeps its archive. */
  readonly wals: string;
  readonly first: string;
  readonly last: string;
}

const segment = z.string().regex(/^[0-9A-F]{24}$/);
const line = z.string().regex(/^[^\n]+$/);

/** What `barman.wal` says of the chain that it has proved, as other tasks take it. */
export const spoolSchema = z.looseObject({
  segment_size: z.int().positive(),
  runs: z.array(
    z.object({ server: line.regex(/^\S+$/), wals: line.regex(/^\//), first: segment, last: segment }),
  ),
});

/**
 * The whole segments of a chain that archives hold, as runs, in the order of replay. `walsOf`: where a server keeps its
 * archive; nothing for what is no archive (the pg_wal of a node).
 */
export function spoolRuns(
  links: readonly Link[],
  walsOf: (server: string) => string | undefined,
): readonly SpoolRun[] {
  const runs: { server: string; wals: string; first: Link; last: Link }[] = [];
  for (const link of links) {
    const run = runs.at(-1);
    const holding = link.partial ? [] : link.servers.filter((name) => walsOf(name) !== undefined);
    const server = holding.find((name) => name === run?.server) ?? holding[0];
    if (server === undefined) continue;
    const follows =
      run !== undefined &&
      run.server === server &&
      run.last.number + 1 === link.number &&
      timelineOf(run.last.segment) === timelineOf(link.segment);
    if (follows) run.last = link;
    else runs.push({ server, wals: walsOf(server) ?? '', first: link, last: link });
  }
  return runs.map(({ server, wals, first, last }) => ({
    server,
    wals,
    first: first.segment,
    last: last.segment,
  }));
}

/** One line for each segment: its name, its server, that server's archive. */
export function spoolList(runs: readonly SpoolRun[], size: SegmentSize): readonly string[] {
  return runs.flatMap(({ server, wals, first, last }) => {
    const [begin, end] = [parseSegment(first), parseSegment(last)];
    if (begin === undefined || end === undefined) return [];
    const from = segmentNumber(begin, size);
    const count = segmentNumber(end, size) - from + 1;
    return Array.from(
      { length: Math.max(0, count) },
      (_, index) => `${segmentAt(timelineOf(begin), from + index, size)} ${server} ${wals}`,
    );
  });
}
