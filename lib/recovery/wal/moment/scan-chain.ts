import { PitrError } from '../../../base/errors/pitr-error.ts';
import type { Link } from '../chain.ts';
import type { Lsn } from '../lsn.ts';
import { type SegmentEnd, WalReader } from '../records/reader.ts';
import { numberHolding, type SegmentSize, startOfSegment, type WalSegment } from '../segment.ts';
import type { RecoveryTarget } from '../target.ts';
import { MomentScan } from './scan.ts';

/** What is asked of the archive. */
export interface MomentQuestion {
  readonly target: RecoveryTarget;
  /** The segments from the backup on, without a gap. */
  readonly chain: readonly Link[];
  readonly segmentSize: SegmentSize;
  /** Where the backup is consistent. */
  readonly consistentAt: Lsn;
  readonly systemId?: string | undefined;
}

/** The bytes of a segment, unpacked: all of them, or fewer where only its beginning is archived. */
export type ReadSegment = (link: Link) => Promise<Uint8Array>;

/** WAL in an archive that is not what it should be. */
export class DamagedWal extends Error {
  override readonly name = 'DamagedWal';
  readonly segment: WalSegment;
  readonly at: Lsn;
  readonly why: string;
  /** The last record before it. */
  readonly lastRecord: Lsn | undefined;
  /** It is none of a PostgreSQL that is read here, and may be good. */
  readonly otherVersion: boolean;

  constructor(segment: WalSegment, at: Lsn, why: string, lastRecord: Lsn | undefined, otherVersion = false) {
    super(`${segment}: ${why}`);
    this.segment = segment;
    this.at = at;
    this.why = why;
    this.lastRecord = lastRecord;
    this.otherVersion = otherVersion;
  }
}

interface Scanned {
  readonly scan: MomentScan;
  /** What is wrong with WAL behind the stop: which segment, and why. Reading has ended there. */
  readonly damagedAfter?: string | undefined;
}

/** Reads the chain from a place in it, until the stop and what follows it are known. Throws `DamagedWal`. */
export async function scanFrom(
  from: number,
  question: MomentQuestion,
  read: ReadSegment,
  progress: (done: number, all: number) => void,
): Promise<Scanned> {
  const { chain, segmentSize, target } = question;
  const reader = new WalReader(segmentSize, question.systemId);
  const scan = new MomentScan(target, question.consistentAt);
  // PostgreSQL reads nothing behind its stop. That a backup is consistent it may see a little later.
  const stopped = (): boolean => scan.stop !== undefined && target.kind !== 'immediate';
  const links = chain.slice(from);
  for (const [index, link] of links.entries()) {
    progress(index, links.length);
    const isBehind = stopped();
    let bytes: Uint8Array;
    try {
      bytes = await read(link);
    } catch (thrown) {
      if (!isBehind || !(thrown instanceof PitrError) || thrown.code !== 'wal-unreadable') throw thrown;
      return { scan, damagedAfter: thrown.message };
    }
    const records = reader.read(bytes, startOfSegment(link.segment, segmentSize));
    let step = records.next();
    for (; !step.done && !scan.done; step = records.next()) scan.take(step.value);
    if (scan.done) {
      // What is read already tells whether a clock went back in it. Nothing of it is replayed, whatever else is wrong with it.
      for (; target.kind === 'time' && !step.done; step = records.next()) scan.take(step.value);
      break;
    }
    const ended: SegmentEnd = step.done ? step.value : { kind: 'whole' };
    const damaged = damageOf(ended, index, links, question, scan.last?.lsn);
    // It takes no file that is too short, wherever in it the stop stands.
    const isHarmless = isBehind || (stopped() && bytes.byteLength === segmentSize);
    if (damaged !== undefined && !isHarmless) throw damaged;
    if (damaged !== undefined) return { scan, damagedAfter: damaged.message };
    // What follows a stop at anything but a time is only told where it lies near.
    if (scan.stop !== undefined && target.kind !== 'time') break;
  }
  return { scan };
}

/** What is wrong with how a segment ended; nothing where it may end so. */
function damageOf(
  ended: SegmentEnd,
  index: number,
  links: readonly Link[],
  { segmentSize }: MomentQuestion,
  lastRecord: Lsn | undefined,
): DamagedWal | undefined {
  const link = links[index];
  if (link === undefined || ended.kind === 'whole') return undefined;
  const isLast = index === links.length - 1;
  if (ended.kind === 'end') {
    const why = `${ended.why}, though a later segment exists`;
    return isLast ? undefined : new DamagedWal(link.segment, ended.at, why, lastRecord);
  }
  if (ended.otherVersion !== true && isLast && link.partial) return undefined;
  const begins = links.find(({ number }) => number === numberHolding(ended.at, segmentSize));
  const where = begins === undefined || begins === link ? '' : ` (it begins in ${begins.segment})`;
  return new DamagedWal(link.segment, ended.at, `${ended.why}${where}`, lastRecord, ended.otherVersion);
}
