import type { Lsn } from '../lsn.ts';
import type { SegmentSize } from '../segment.ts';
import { WalReader } from './reader.ts';

/** The position after the last good record of a segment; that of its beginning where it has none. */
export function lastRecordEnd(bytes: Uint8Array, start: Lsn, size: SegmentSize, systemId?: string): Lsn {
  let end = start;
  for (const record of new WalReader(size, systemId).read(bytes, start)) end = record.endLsn;
  return end;
}
