import { type Lsn, lsnAt } from '../lsn.ts';
import { isOtherMagic, unknownMagic, type WalVersion, walVersion } from './version.ts';

const SHORT_HEADER = 24;
const LONG_HEADER = 40;

const FIRST_IS_CONTRECORD = 0x01;
const LONG = 0x02;
const ALL_FLAGS = 0x0f;
const FIRST_IS_OVERWRITE_CONTRECORD = 0x08;

/** The header of a WAL page. */
export interface WalPage {
  readonly version: WalVersion;
  readonly headerLength: number;
  readonly timeline: number;
  /** Bytes at its beginning that belong to a record of the page before. */
  readonly remaining: number;
  /** The record that the page before began was given up (a crash in the middle of writing it). */
  readonly overwrites: boolean;
  /** In the first page of a segment alone. */
  readonly systemId?: bigint | undefined;
  readonly segmentSize?: number | undefined;
  readonly pageSize?: number | undefined;
}

/** Why a page is none: nothing was written there yet, what is there is older, of another PostgreSQL, or damaged. */
export interface NoPage {
  readonly end: 'unwritten' | 'older' | 'other-version' | 'damaged';
  readonly why: string;
}

/** Reads the header of the page at `at` in a segment; `lsn` is the position at which it must say that it is. */
export function readPage(bytes: DataView, at: number, lsn: Lsn, firstOfSegment: boolean): WalPage | NoPage {
  const length = firstOfSegment ? LONG_HEADER : SHORT_HEADER;
  if (bytes.byteLength - at < length)
    return damaged(`the file ends within a page, after ${bytes.byteLength} bytes`);
  const magic = bytes.getUint16(at, true);
  const flags = bytes.getUint16(at + 2, true);
  const address = bytes.getBigUint64(at + 8, true);
  if (magic === 0 && flags === 0 && address === 0n) {
    return { end: 'unwritten', why: 'nothing has been written from here on' };
  }
  const version = walVersion(magic);
  if (version === undefined) {
    const end = isOtherMagic(magic) && address === lsn ? 'other-version' : 'damaged';
    return { end, why: unknownMagic(magic) };
  }
  if (address < lsn)
    return { end: 'older', why: 'the page is that of an older segment whose file was used again' };
  if (address !== lsn) return damaged('the page says that it belongs to another position');
  if ((flags & ~ALL_FLAGS) !== 0 || ((flags & LONG) !== 0) !== firstOfSegment)
    return damaged('the header of the page makes no sense');
  const remaining = bytes.getUint32(at + 16, true);
  const continues = (flags & FIRST_IS_CONTRECORD) !== 0;
  if (continues !== remaining > 0) return damaged('the header of the page makes no sense');
  return {
    version,
    headerLength: length,
    timeline: bytes.getUint32(at + 4, true),
    remaining,
    overwrites: (flags & FIRST_IS_OVERWRITE_CONTRECORD) !== 0,
    ...(firstOfSegment
      ? {
          systemId: bytes.getBigUint64(at + 24, true),
          segmentSize: bytes.getUint32(at + 32, true),
          pageSize: bytes.getUint32(at + 36, true),
        }
      : {}),
  };
}

function damaged(why: string): NoPage {
  return { end: 'damaged', why };
}

/** The position of an offset in a segment. */
export function positionIn(segmentStart: Lsn, at: number): Lsn {
  return lsnAt(segmentStart + BigInt(at));
}
