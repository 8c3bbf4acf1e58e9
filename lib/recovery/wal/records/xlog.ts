import type { Instant } from '../instant.ts';
import { type Lsn, lsnAt } from '../lsn.ts';
import { mainData, RMGR, type WalRecord } from './record.ts';
import { timestampAt } from './transaction.ts';

/** What PostgreSQL logs of itself. */
export type XlogRecord =
  | { readonly kind: 'restore-point'; readonly name: string; readonly time: Instant }
  /** The rest of the segment is empty. */
  | { readonly kind: 'switch' }
  | {
      readonly kind: 'checkpoint';
      readonly shutdown: boolean;
      /** Where recovery from this checkpoint begins. */
      readonly redo: Lsn;
      readonly timeline: number;
    }
  | { readonly kind: 'end-of-recovery'; readonly time: Instant; readonly timeline: number }
  /** The end of an online backup that began at this position. */
  | { readonly kind: 'backup-end'; readonly begin: Lsn };

const NAME_BYTES = 64;

/** What a record of the XLOG resource manager says; nothing when it is another one, or says nothing of these. */
export function xlogRecord(record: WalRecord): XlogRecord | undefined {
  if (record.rmgr !== RMGR.xlog) return undefined;
  const info = record.info & 0xf0;
  if (info === 0x40) return { kind: 'switch' };
  const data = mainData(record);
  switch (info) {
    case 0x00:
    case 0x10:
      return {
        kind: 'checkpoint',
        shutdown: info === 0x00,
        redo: lsnAt(data.getBigUint64(0, true)),
        timeline: data.getUint32(8, true),
      };
    case 0x50:
      return { kind: 'backup-end', begin: lsnAt(data.getBigUint64(0, true)) };
    case 0x70:
      return { kind: 'restore-point', time: timestampAt(data, 0), name: nameAt(data, 8) };
    case 0x90:
      return { kind: 'end-of-recovery', time: timestampAt(data, 0), timeline: data.getUint32(8, true) };
    default:
      return undefined;
  }
}

function nameAt(data: DataView, at: number): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset + at, Math.min(NAME_BYTES, data.byteLength - at));
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end === -1 ? bytes : bytes.subarray(0, end));
}
