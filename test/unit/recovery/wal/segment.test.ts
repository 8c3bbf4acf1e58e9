import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatLsn, lsnAt, parseLsn } from '../../../../lib/recovery/wal/lsn.ts';
import {
  endOfSegment,
  fitsSize,
  nextSegment,
  parseSegment,
  parseSegmentSize,
  type SegmentSize,
  segmentAt,
  segmentHolding,
  segmentNumber,
  segmentsPerLog,
  startOfSegment,
  timelineOf,
  type WalSegment,
} from '../../../../lib/recovery/wal/segment.ts';
import { timelineId } from '../../../../lib/recovery/wal/timeline.ts';

function size(mib: number): SegmentSize {
  const parsed = parseSegmentSize(mib * 1024 * 1024);
  if (parsed === undefined) throw new Error(`${mib} MiB is no segment size`);
  return parsed;
}
function segment(name: string): WalSegment {
  const parsed = parseSegment(name);
  if (parsed === undefined) throw new Error(`${name} is no segment`);
  return parsed;
}

describe('a segment follows another', () => {
  it.each([
    [16, '000000010000000600000010', '000000010000000600000011'],
    [16, '0000000100000006000000FF', '000000010000000700000000'],
    [64, '00000001000000060000003F', '000000010000000700000000'],
    [1024, '000000010000000600000003', '000000010000000700000000'],
    [1, '000000010000000600000FFF', '000000010000000700000000'],
    [16, '0000000AFFFFFFFE000000FF', '0000000AFFFFFFFF00000000'],
  ])('with %i MiB segments %s is followed by %s, over the end of a log too', (mib, name, next) => {
    expect(nextSegment(segment(name), size(mib))).toBe(next);
  });

  it.each([
    [16, '000000010000000600000100', false],
    [16, '0000000100000006000000FF', true],
    [64, '000000010000000600000040', false],
    [1024, '000000010000000600000004', false],
  ])('with %i MiB segments %s can exist: %s', (mib, name, fits) => {
    expect(fitsSize(segment(name), size(mib))).toBe(fits);
  });
});

describe('segment arithmetic', () => {
  const sizes = fc.constantFrom(...[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024].map(size));
  const timelines = fc.integer({ min: 1, max: 0xffff_ffff }).map(timelineId);
  const positions = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn }).map(lsnAt);

  it('the segment that holds a position begins at or before it and ends after it', () => {
    fc.assert(
      fc.property(sizes, timelines, positions, (bytes, timeline, lsn) => {
        fc.pre(lsn < 0xffff_ffff_0000_0000n);
        const name = segmentHolding(timeline, lsn, bytes);
        expect(startOfSegment(name, bytes) <= lsn).toBe(true);
        expect(endOfSegment(name, bytes) > lsn).toBe(true);
        expect(timelineOf(name)).toBe(timeline);
      }),
    );
  });

  it('name and number are two forms of the same, for every segment size', () => {
    fc.assert(
      fc.property(sizes, timelines, fc.nat(), (bytes, timeline, nat) => {
        const number = nat % (segmentsPerLog(bytes) * 1000);
        expect(segmentNumber(segmentAt(timeline, number, bytes), bytes)).toBe(number);
        expect(nextSegment(segmentAt(timeline, number, bytes), bytes)).toBe(
          segmentAt(timeline, number + 1, bytes),
        );
      }),
    );
  });

  it('a position survives being written and read', () => {
    fc.assert(
      fc.property(positions, (lsn) => {
        expect(parseLsn(formatLsn(lsn))).toBe(lsn);
      }),
    );
  });

  it.each(['', '16', '16/', '/0', '1/123456789', 'x/1', '1/2/3', '-1/0'])('%j is no position', (text) => {
    expect(parseLsn(text)).toBeUndefined();
  });

  it.each([0, 15 * 1024 * 1024, 512 * 1024, 2048 * 1024 * 1024, Number.NaN])(
    '%d is no segment size',
    (bytes) => {
      expect(parseSegmentSize(bytes)).toBeUndefined();
    },
  );
});
