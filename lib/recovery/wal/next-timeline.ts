import type { Archive } from './archive.ts';
import { timelineOf } from './segment.ts';
import { type TimelineId, timelineId } from './timeline.ts';

/**
 * The number that a promotion on timeline `after` takes: PostgreSQL asks for the history file of each number after it,
 * until one is not there. `besides`: numbers whose file will have come into an archive by then.
 */
export function nextTimeline(
  after: TimelineId,
  archives: readonly Archive[],
  besides: readonly TimelineId[] = [],
): TimelineId {
  const known = new Set([
    ...archives.flatMap(({ histories }) => histories.map(({ history }) => history.timeline)),
    ...besides,
  ]);
  let next = timelineId(after + 1);
  while (known.has(next)) next = timelineId(next + 1);
  return next;
}

/** WAL of a timeline in one archive, by the names of its files. */
export interface WalOfTimeline {
  readonly server: string;
  readonly names: readonly string[];
}

/** Where segments of a timeline lie, be they whole or not. */
export function walOfTimeline(timeline: TimelineId, archives: readonly Archive[]): readonly WalOfTimeline[] {
  return archives.flatMap(({ server, files }) => {
    const names = files
      .filter(({ segment }) => timelineOf(segment) === timeline)
      .map(({ segment, partial }) => `${segment}${partial ? '.partial' : ''}`);
    return names.length === 0 ? [] : [{ server, names: [...new Set(names)].sort() }];
  });
}
