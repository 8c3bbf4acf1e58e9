import { type Lsn, lsnAt } from './lsn.ts';
import { type TimelineId, timelineId } from './timeline.ts';

declare const brand: unique symbol;

/** The name of a WAL segment: 8 hexadecimal digits each of timeline, log and segment in the log. */
export type WalSegment = string & { readonly [brand]: 'WalSegment' };

/** Bytes of a segment of a cluster: a power of two from 1 MiB to 1 GiB, fixed by initdb. */
export type SegmentSize = number & { readonly [brand]: 'SegmentSize' };

const MIB = 1024 * 1024;
const LOG_BYTES = 0x1_0000_0000;

/** A number of bytes as a segment size; nothing when no cluster can have it. */
export function parseSegmentSize(bytes: number): SegmentSize | undefined {
  const known = Number.isInteger(Math.log2(bytes)) && bytes >= MIB && bytes <= 1024 * MIB;
  return known ? (bytes as SegmentSize) : undefined;
}

/** What initdb takes when it is not told otherwise. */
export const DEFAULT_SEGMENT_SIZE = (16 * MIB) as SegmentSize;

/** How many segments make one log (4 GiB): after the last one the middle digits count up. */
export function segmentsPerLog(size: SegmentSize): number {
  return LOG_BYTES / size;
}

/** Reads a segment's name; nothing when it is none. Whether its last digits fit a segment size is `fitsSize`. */
export function parseSegment(text: string): WalSegment | undefined {
  return /^[0-9A-F]{24}$/.test(text) && !text.startsWith('00000000') ? (text as WalSegment) : undefined;
}

/** Whether a cluster with this segment size can have such a segment: `…00000100` cannot be with 16 MiB. */
export function fitsSize(segment: WalSegment, size: SegmentSize): boolean {
  return Number.parseInt(segment.slice(16), 16) < segmentsPerLog(size);
}

export function timelineOf(segment: WalSegment): TimelineId {
  return timelineId(Number.parseInt(segment.slice(0, 8), 16));
}

/** The place of a segment in the sequence of segments, counted from the beginning of the cluster. */
export function segmentNumber(segment: WalSegment, size: SegmentSize): number {
  const log = Number.parseInt(segment.slice(8, 16), 16);
  return log * segmentsPerLog(size) + Number.parseInt(segment.slice(16), 16);
}

/** The segment with that number on a timeline. */
export function segmentAt(timeline: TimelineId, number: number, size: SegmentSize): WalSegment {
  const perLog = segmentsPerLog(size);
  const words = [timeline, Math.floor(number / perLog), number % perLog];
  const name = words.map((word) => word.toString(16).toUpperCase().padStart(8, '0')).join('');
  const segment = parseSegment(name);
  if (segment === undefined) throw new RangeError(`no such segment: timeline ${timeline}, number ${number}`);
  return segment;
}

/** The number of the segment that holds the byte at this position. */
export function numberHolding(lsn: Lsn, size: SegmentSize): number {
  return Number(lsn / BigInt(size));
}

/** The segment that holds the byte at this position. */
export function segmentHolding(timeline: TimelineId, lsn: Lsn, size: SegmentSize): WalSegment {
  return segmentAt(timeline, numberHolding(lsn, size), size);
}

/** The segment that follows on the same timeline. */
export function nextSegment(segment: WalSegment, size: SegmentSize): WalSegment {
  return segmentAt(timelineOf(segment), segmentNumber(segment, size) + 1, size);
}

export function startOfSegment(segment: WalSegment, size: SegmentSize): Lsn {
  return lsnAt(BigInt(segmentNumber(segment, size)) * BigInt(size));
}

/** The position of the first byte after it. */
export function endOfSegment(segment: WalSegment, size: SegmentSize): Lsn {
  return lsnAt(BigInt(segmentNumber(segment, size) + 1) * BigInt(size));
}
