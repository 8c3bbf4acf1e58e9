import type { Lsn } from '../lsn.ts';
import type { WalVersion } from './version.ts';

/** Bytes of a record's header. */
export const RECORD_HEADER = 24;

/** A record of WAL whose checksum was right. */
export interface WalRecord {
  /** The position of its first byte. */
  readonly lsn: Lsn;
  /** The position after it, as PostgreSQL counts: aligned to 8 bytes; after a switch the end of the segment. */
  readonly endLsn: Lsn;
  /** The transaction that wrote it; 0 for none. */
  readonly xid: number;
  /** The resource manager: which part of PostgreSQL wrote it. */
  readonly rmgr: number;
  /** What it is, to its resource manager: the upper four bits. */
  readonly info: number;
  /** The whole record with its header; valid as long as the segment it was read from. */
  readonly bytes: DataView;
  readonly version: WalVersion;
}

/** Numbers of the resource managers that are read here. */
export const RMGR = { xlog: 0, transaction: 1, standby: 8 } as const;

const RMGR_NAMES = [
  ...['XLOG', 'Transaction', 'Storage', 'CLOG', 'Database', 'Tablespace', 'MultiXact', 'RelMap', 'Standby'],
  ...['Heap2', 'Heap', 'Btree', 'Hash', 'Gin', 'Gist', 'Sequence', 'SPGist', 'BRIN', 'CommitTs'],
  ...['ReplicationOrigin', 'Generic', 'LogicalMessage'],
];

/** The name of a resource manager, as pg_waldump prints it. */
export function rmgrName(rmgr: number): string {
  return RMGR_NAMES[rmgr] ?? `custom${rmgr.toString().padStart(3, '0')}`;
}

/** Whether a resource manager can exist: PostgreSQL's own, or one of an extension (since 15). */
export function isRmgr(rmgr: number): boolean {
  return rmgr < RMGR_NAMES.length || rmgr >= 128;
}

const MAX_BLOCK_ID = 32;
const [TOPLEVEL_XID, ORIGIN, DATA_LONG, DATA_SHORT] = [252, 253, 254, 255];

/**
 * What the resource manager itself wrote: it stands at the end of the record, behind images and data of pages.
 * Throws a RangeError when the headers before it make no sense, which a right checksum rules out.
 */
export function mainData({ bytes, version }: WalRecord): DataView {
  const nothing = new DataView(bytes.buffer, bytes.byteOffset, 0);
  let at = RECORD_HEADER;
  let behind = 0;
  while (bytes.byteLength - at > behind) {
    const id = bytes.getUint8(at);
    if (id === DATA_SHORT) return tail(bytes, bytes.getUint8(at + 1));
    if (id === DATA_LONG) return tail(bytes, bytes.getUint32(at + 1, true));
    if (id === ORIGIN) at += 3;
    else if (id === TOPLEVEL_XID) at += 5;
    else if (id <= MAX_BLOCK_ID) {
      const flags = bytes.getUint8(at + 1);
      behind += bytes.getUint16(at + 2, true);
      at += 4;
      if ((flags & 0x10) !== 0) {
        behind += bytes.getUint16(at, true);
        const image = bytes.getUint8(at + 4);
        at += (image & 0x01) !== 0 && (image & version.compressedImage) !== 0 ? 7 : 5;
      }
      at += (flags & 0x80) === 0 ? 16 : 4;
    } else throw new RangeError(`no part of a WAL record is called ${id}`);
  }
  return nothing;
}

function tail(bytes: DataView, length: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + bytes.byteLength - length, length);
}
