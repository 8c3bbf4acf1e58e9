import { type Lsn, lsnAt } from '../lsn.ts';
import type { SegmentSize } from '../segment.ts';
import { CRC_START, crcOf, crcOver } from './crc32c.ts';
import { positionIn, readPage, type WalPage } from './page.ts';
import { isRmgr, RECORD_HEADER, RMGR, type WalRecord } from './record.ts';
import type { WalVersion } from './version.ts';

/** How the reading of a segment ended. */
export type SegmentEnd =
  /** All of it was read; the next segment goes on, perhaps in the middle of a record. */
  | { readonly kind: 'whole' }
  /** The WAL ends within it: from `at` on nothing was written, or nothing that belongs here. */
  | { readonly kind: 'end'; readonly at: Lsn; readonly why: string }
  /** What stands at `at` is no WAL of this place. */
  | { readonly kind: 'damaged'; readonly at: Lsn; readonly why: string; readonly otherVersion?: boolean };

/** A record of which a part was read. */
interface BegunRecord {
  readonly lsn: Lsn;
  readonly length: number;
  readonly parts: Uint8Array[];
  got: number;
}

/** XLogRecordMaxSize of PostgreSQL 16; earlier versions write nothing near it. */
const LONGEST_RECORD = 1020 * 1024 * 1024;

/**
 * Reads the records of WAL segments that follow each other. It may begin with any segment: a record that began before
 * it is passed over. Every record that is given out had the right checksum and followed the one before it.
 */
export class WalReader {
  readonly #segmentSize: SegmentSize;
  readonly #systemId: bigint | undefined;
  #begun: BegunRecord | undefined;
  /** Bytes still to come of a record that began before the first segment. */
  #toSkip = 0;
  #previous: ReadRecord | undefined;

  /** With `systemId` WAL of another cluster is recognised. */
  constructor(segmentSize: SegmentSize, systemId?: string | undefined) {
    this.#segmentSize = segmentSize;
    this.#systemId = systemId === undefined || !/^\d+$/.test(systemId) ? undefined : BigInt(systemId);
  }

  /** The records of the segment that begins at `start`; returns how it ended. After any other end than `whole` it is done. */
  *read(segment: Uint8Array, start: Lsn): Generator<WalRecord, SegmentEnd> {
    const bytes = viewOf(segment);
    const place: SegmentPlace = {
      start,
      low: Number(start & 0xffff_ffffn),
      high: Number(start >> 32n),
      size: this.#segmentSize,
    };
    let page: WalPage | undefined;
    let pageSize = 8192;
    let pageEnd = 0;
    for (let at = 0; at < this.#segmentSize; ) {
      if (at === pageEnd) {
        const read = readPage(bytes, at, positionIn(start, at), at === 0);
        if ('end' in read) {
          const where = this.#begun?.lsn ?? positionIn(start, at);
          if (read.end === 'other-version')
            return { kind: 'damaged', at: where, why: read.why, otherVersion: true };
          return { kind: read.end === 'damaged' ? 'damaged' : 'end', at: where, why: read.why };
        }
        const wrong = at === 0 ? this.#misfit(read) : undefined;
        if (wrong !== undefined) return { kind: 'damaged', at: start, why: wrong };
        page = read;
        pageSize = read.pageSize ?? pageSize;
        const broken = this.#continues(read);
        if (broken !== undefined)
          return { kind: 'damaged', at: this.#begun?.lsn ?? positionIn(start, at), why: broken };
        pageEnd = at + pageSize;
        at += read.headerLength;
      }
      if (page === undefined) throw new Error('a segment begins with a page');
      const available = Math.min(pageEnd, bytes.byteLength);
      if (this.#toSkip > 0) {
        const length = Math.min(this.#toSkip, pageEnd - at);
        if (available - at < length) return truncated(positionIn(start, at), bytes);
        this.#toSkip -= length;
        at = aligned(at + length);
      } else if (this.#begun !== undefined) {
        const begun: BegunRecord = this.#begun;
        const length = Math.min(begun.length - begun.got, pageEnd - at);
        if (available - at < length) return truncated(begun.lsn, bytes);
        // A copy: a part of the segment would keep all of it in memory.
        begun.parts.push(segment.slice(at, at + length));
        begun.got += length;
        at = aligned(at + length);
        if (begun.got < begun.length) continue;
        this.#begun = undefined;
        const record = new ReadRecord(
          { view: joined(begun), at: 0, length: begun.length, after: at },
          page.version,
          begun.lsn,
          place,
        );
        const wrong = this.#check(record);
        if (wrong !== undefined) return { kind: 'damaged', at: begun.lsn, why: wrong };
        yield record;
        if (record.isSwitch) return { kind: 'whole' };
      } else if (at < pageEnd) {
        const where = at;
        if (available - at < 8) return truncated(positionIn(start, where), bytes);
        const length = bytes.getUint32(at, true);
        if (length === 0)
          return { kind: 'end', at: positionIn(start, where), why: 'nothing has been written from here on' };
        if (length < RECORD_HEADER || length > LONGEST_RECORD)
          return {
            kind: 'damaged',
            at: positionIn(start, where),
            why: `a record cannot have ${length} bytes`,
          };
        if (at + length > pageEnd) {
          this.#begun = { lsn: positionIn(start, where), length, parts: [], got: 0 };
          continue;
        }
        if (available - at < length) return truncated(positionIn(start, where), bytes);
        at = aligned(at + length);
        const record = new ReadRecord(
          { view: bytes, at: where, length, after: at },
          page.version,
          undefined,
          place,
        );
        const wrong = this.#check(record);
        if (wrong !== undefined) return { kind: 'damaged', at: positionIn(start, where), why: wrong };
        yield record;
        if (record.isSwitch) return { kind: 'whole' };
      }
    }
    return { kind: 'whole' };
  }

  #misfit(page: WalPage): string | undefined {
    if (page.segmentSize !== this.#segmentSize)
      return `the segment says that it has ${page.segmentSize} bytes, the cluster's have ${this.#segmentSize}`;
    const size = page.pageSize ?? 0;
    if (size < 1024 || size > 65536 || !Number.isInteger(Math.log2(size)))
      return `the segment says that its pages have ${size} bytes`;
    if (this.#systemId !== undefined && page.systemId !== this.#systemId)
      return `the segment belongs to another cluster: system id ${page.systemId}, not ${this.#systemId}`;
    return undefined;
  }

  /** Takes in what a page says of the record that the page before left unfinished; why that cannot be, where it cannot. */
  #continues({ remaining, overwrites }: WalPage): string | undefined {
    if (overwrites) {
      this.#begun = undefined;
      this.#toSkip = 0;
      return remaining > 0 ? 'the header of the page makes no sense' : undefined;
    }
    if (this.#begun !== undefined)
      return remaining === this.#begun.length - this.#begun.got ? undefined : 'a record breaks off';
    if (this.#toSkip > 0) return remaining === this.#toSkip ? undefined : 'a record breaks off';
    if (remaining > 0 && this.#previous !== undefined)
      return 'the page continues a record that does not exist';
    this.#toSkip = remaining;
    return undefined;
  }

  /** What is wrong with a record; nothing where it is one, and follows the one before it. */
  #check(record: ReadRecord): string | undefined {
    if (!isRmgr(record.rmgr)) return `no resource manager has the number ${record.rmgr}`;
    if (!record.isWhole) return "the record's checksum is wrong";
    if (this.#previous !== undefined && !record.follows(this.#previous))
      return 'the record does not follow the one before it';
    this.#previous = record;
    return undefined;
  }
}

/** Where a record lies in a view, and where in the segment the next one begins. */
interface Extent {
  readonly view: DataView;
  readonly at: number;
  readonly length: number;
  readonly after: number;
}

interface SegmentPlace {
  readonly start: Lsn;
  readonly low: number;
  readonly high: number;
  readonly size: number;
}

/** A record where it lies in its segment (or, put together, on its own). Millions are read: it works out what it is asked. */
class ReadRecord implements WalRecord {
  readonly xid: number;
  readonly rmgr: number;
  readonly info: number;
  readonly version: WalVersion;
  private readonly view: DataView;
  private readonly at: number;
  private readonly length: number;
  private readonly known: Lsn | undefined;
  private readonly start: Lsn;
  private readonly startLow: number;
  private readonly startHigh: number;
  private readonly after: number;
  private readonly segmentSize: number;

  /** Without `lsn` its place in the view is its place in the segment too. */
  constructor(
    { view, at, length, after }: Extent,
    version: WalVersion,
    lsn: Lsn | undefined,
    segment: SegmentPlace,
  ) {
    this.xid = view.getUint32(at + 4, true);
    this.info = view.getUint8(at + 16);
    this.rmgr = view.getUint8(at + 17);
    this.version = version;
    this.view = view;
    this.at = at;
    this.length = length;
    this.known = lsn;
    this.start = segment.start;
    this.startLow = segment.low;
    this.startHigh = segment.high;
    this.segmentSize = segment.size;
    this.after = after;
  }

  get lsn(): Lsn {
    return this.known ?? lsnAt(this.start + BigInt(this.at));
  }

  get endLsn(): Lsn {
    return lsnAt(this.start + BigInt(this.isSwitch ? this.segmentSize : this.after));
  }

  get bytes(): DataView {
    return new DataView(this.view.buffer, this.view.byteOffset + this.at, this.length);
  }

  /** The rest of the segment is left empty after it. */
  get isSwitch(): boolean {
    return this.rmgr === RMGR.xlog && (this.info & 0xf0) === 0x40;
  }

  /** Whether its checksum is right. */
  get isWhole(): boolean {
    const view = this.view;
    const at = this.at;
    const state = crcOver(CRC_START, view, at + RECORD_HEADER, at + this.length);
    return crcOf(crcOver(state, view, at, at + 20)) === view.getUint32(at + 20, true);
  }

  /** Whether it names that record as the one before it. */
  follows(before: ReadRecord): boolean {
    if (before.known !== undefined) return this.view.getBigUint64(this.at + 8, true) === before.known;
    // Without making two big integers for each of millions of records: no segment lies across a boundary of 4 GiB.
    const low = this.view.getUint32(this.at + 8, true);
    return (
      low === before.startLow + before.at && this.view.getUint32(this.at + 12, true) === before.startHigh
    );
  }
}

function truncated(at: Lsn, bytes: DataView): SegmentEnd {
  return { kind: 'damaged', at, why: `the file ends within a record, after ${bytes.byteLength} bytes` };
}

function aligned(at: number): number {
  return (at + 7) & ~7;
}

function joined({ length, parts }: BegunRecord): DataView {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.byteLength;
  }
  return viewOf(whole);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
