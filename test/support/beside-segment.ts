import {
  DEFAULT_SEGMENT_SIZE,
  parseSegment,
  segmentAt,
  segmentNumber,
  timelineOf,
} from '../../lib/recovery/wal/segment.ts';

/** The segment so many after this one of a lab, on its timeline: `…000000FF` has its neighbour in the next log. */
export function besideSegment(name: string, steps: number): string {
  const segment = parseSegment(name);
  if (segment === undefined) throw new Error(`${name} is no segment`);
  const number = segmentNumber(segment, DEFAULT_SEGMENT_SIZE) + steps;
  return segmentAt(timelineOf(segment), number, DEFAULT_SEGMENT_SIZE);
}
