import { type Instant, instantAt } from '../../../../../lib/recovery/wal/instant.ts';
import { parseInstant } from '../../../../../lib/recovery/wal/parse-instant.ts';
import { CRC_START, crcOf, crcOver } from '../../../../../lib/recovery/wal/records/crc32c.ts';
import { parseSegmentSize, type SegmentSize } from '../../../../../lib/recovery/wal/segment.ts';

/** The smallest that a cluster can have. */
export const SIZE: SegmentSize = parseSegmentSize(1024 * 1024) ?? bad();

function bad(): never {
  throw new Error('no segment size');
}

interface HandMade {
  readonly rmgr: number;
  readonly info: number;
  readonly xid: number;
  readonly data: Uint8Array;
}

/** A time of one day, `10:01:00`. */
export function clock(time: string): Instant {
  const parsed = parseInstant(`2026-11-22 ${time}+00`);
  if (!parsed.ok) throw new Error(time);
  return parsed.instant;
}

const POSTGRES_EPOCH = instantAt(946_684_800n * 1_000_000n);

/** The abort of a transaction. */
export function abort(xid: number, time: string): HandMade {
  return { ...commit(xid, time), info: 0x20 };
}

/** The commit of a transaction. */
export function commit(xid: number, time: string): HandMade {
  const data = new DataView(new ArrayBuffer(8));
  data.setBigInt64(0, clock(time) - POSTGRES_EPOCH, true);
  return { rmgr: 1, info: 0, xid, data: new Uint8Array(data.buffer) };
}

export function restorePoint(name: string, time: string): HandMade {
  const data = new Uint8Array(72);
  data.set(commit(0, time).data);
  data.set(Buffer.from(name), 8);
  return { rmgr: 0, info: 0x70, xid: 0, data };
}

/** What a checkpointer says of running transactions: there are none, and none holds a lock. */
export function nothingRuns(nextXid: number): HandMade {
  const data = new DataView(new ArrayBuffer(24));
  data.setUint32(12, nextXid, true);
  data.setUint32(16, nextXid, true);
  data.setUint32(20, nextXid - 1, true);
  return { rmgr: 8, info: 0x10, xid: 0, data: new Uint8Array(data.buffer) };
}

const SWITCH: HandMade = { rmgr: 0, info: 0x40, xid: 0, data: new Uint8Array() };

/** The segments that follow each other with these numbers, timelines and records, as PostgreSQL 15 writes them. */
export function segmentsOf(
  plan: readonly (readonly [number: number, timeline: number, records: readonly HandMade[]])[],
  magic = 0xd110,
): ReadonlyMap<number, Uint8Array> {
  let previous = 0n;
  const segments = new Map<number, Uint8Array>();
  for (const [number, timeline, records] of plan) {
    const bytes = new Uint8Array(SIZE);
    const view = new DataView(bytes.buffer);
    const start = BigInt(number) * BigInt(SIZE);
    view.setUint16(0, magic, true);
    view.setUint16(2, 2, true);
    view.setUint32(4, timeline, true);
    view.setBigUint64(8, start, true);
    view.setBigUint64(24, 77n, true);
    view.setUint32(32, SIZE, true);
    view.setUint32(36, 8192, true);
    let at = 40;
    for (const { rmgr, info, xid, data } of [...records, SWITCH]) {
      const length = 24 + (data.length === 0 ? 0 : 2 + data.length);
      view.setUint32(at, length, true);
      view.setUint32(at + 4, xid, true);
      view.setBigUint64(at + 8, previous, true);
      view.setUint8(at + 16, info);
      view.setUint8(at + 17, rmgr);
      if (data.length > 0) {
        bytes.set([255, data.length], at + 24);
        bytes.set(data, at + 26);
      }
      const body = crcOver(CRC_START, view, at + 24, at + length);
      view.setUint32(at + 20, crcOf(crcOver(body, view, at, at + 20)), true);
      previous = start + BigInt(at);
      at = (at + length + 7) & ~7;
    }
    segments.set(number, bytes);
  }
  return segments;
}
