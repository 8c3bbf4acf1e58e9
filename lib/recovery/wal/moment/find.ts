import type { Link } from '../chain.ts';
import type { Instant } from '../instant.ts';
import type { Lsn } from '../lsn.ts';
import { numberHolding } from '../segment.ts';
import type { RecoveryTarget } from '../target.ts';
import type { SeenLock } from './locks.ts';
import type { CommitPoint, LeftBehind, OpenPrepared, RestorePoint, StopPoint } from './scan.ts';
import { type MomentQuestion, type ReadSegment, scanFrom } from './scan-chain.ts';
import { runsOf, type Sift, type Sought } from './sift.ts';

/** What the WAL says of a target. */
export interface Moment {
  /** Where PostgreSQL stops; nothing where no record in the archive stops it. */
  readonly stop?: StopPoint | undefined;
  /** The last commit that is replayed; nothing when there is none since the backup began. */
  readonly lastCommit?: CommitPoint | undefined;
  /** The first commit that is not; nothing where none was seen. */
  readonly nextCommit?: CommitPoint | undefined;
  /** The last record that was read: where the archive was read to its end, the last one that can be proved. */
  readonly last?: { readonly lsn: Lsn; readonly endLsn: Lsn } | undefined;
  /** AccessExclusive locks that a standby holds at the stop. */
  readonly held: readonly SeenLock[];
  /** Stopping before this record none of them is held, and as many commits fewer are there. */
  readonly free?: { readonly lsn: Lsn; readonly commitsBetween: number } | undefined;
  /** Transactions that are prepared at the stop, as far as the WAL that was read tells of them. */
  readonly prepared: readonly OpenPrepared[];
  /** All restore points that were passed. */
  readonly restorePoints: readonly RestorePoint[];
  /** Behind the restore point that stops it: others of its name, where it was looked for. Their records were not proved. */
  readonly sameName?: readonly RestorePoint[] | undefined;
  readonly parentOfTarget?: number | undefined;
  /** Segments after the stop that were written before the target: a clock went back, and PostgreSQL does not come to them. */
  readonly writtenBefore: readonly Link[];
  /** Commits after the stop, in the segments that were read, of times before the target: the same, within a segment. */
  readonly leftBehind?: LeftBehind | undefined;
  /** What is wrong with WAL behind the stop, where nothing of it is replayed: which segment, and why. */
  readonly damagedAfter?: string | undefined;
  /** Segments that were read; one that was read twice counts twice. */
  readonly segmentsRead: number;
}

/** So much of what was read is kept while the search goes on. */
const KEPT_BYTES = 128 * 1024 * 1024;

export interface Reading {
  readonly read: ReadSegment;
  /** Where it is left out, or has nothing to say, a transaction or a restore point is looked for in all segments by `read`. */
  readonly sift?: Sift | undefined;
  /** How many segments are done, of at most how many. */
  readonly progress?: ((done: number, all: number) => void) | undefined;
}

/**
 * Finds a target in the archive. Only the segments around it are read; more to the left as long as the last commit
 * before it, or a lock that is held there, is not known for sure. A transaction or a restore point whose place is not
 * known is looked for from the backup on. Throws `DamagedWal`.
 */
export async function findMoment(
  question: MomentQuestion,
  { read, sift, progress = () => {} }: Reading,
): Promise<Moment> {
  let segmentsRead = 0;
  const counted = keepingLast(
    (link) => {
      segmentsRead += 1;
      return read(link);
    },
    Math.max(1, Math.floor(KEPT_BYTES / question.segmentSize)),
  );
  const sought = soughtIn(question.target);
  const found =
    sought === undefined || sift === undefined
      ? undefined
      : await soughtOut(sought, question, sift, counted, progress);
  const moment = await momentFrom(found?.question ?? question, counted, progress);
  return {
    ...moment,
    restorePoints: found?.restorePoints ?? moment.restorePoints,
    sameName: found?.sameName,
    parentOfTarget: found?.parentOfTarget ?? moment.parentOfTarget,
    segmentsRead,
  };
}

/** What was read last is kept: who goes back by a segment, or reads around a place once more, does not ask for it again. */
function keepingLast(read: ReadSegment, most: number): ReadSegment {
  const kept = new Map<string, Uint8Array>();
  return async (link) => {
    const name = `${link.segment} ${link.servers.join(' ')}`;
    const bytes = kept.get(name) ?? (await read(link));
    kept.delete(name);
    kept.set(name, bytes);
    for (const oldest of [...kept.keys()].slice(0, -most)) kept.delete(oldest);
    return bytes;
  };
}

/** What has to be looked for, since nobody has told its place. */
function soughtIn(target: RecoveryTarget): Sought | undefined {
  return (target.kind === 'xid' || target.kind === 'name') && target.foundAt === undefined
    ? target
    : undefined;
}

interface SoughtOut {
  /** With the place in it; where there is none, only the end of the chain is left to be read. */
  readonly question: MomentQuestion;
  readonly restorePoints: readonly RestorePoint[];
  readonly sameName: readonly RestorePoint[];
  readonly parentOfTarget: number | undefined;
}

/** Of a name all is searched, also behind the first one, where PostgreSQL stops: whoever meant another one has to know. Undefined where nobody could look where the segments lie. */
async function soughtOut(
  sought: Sought,
  question: MomentQuestion,
  sift: Sift,
  read: ReadSegment,
  progress: (done: number, all: number) => void,
): Promise<SoughtOut | undefined> {
  const { chain } = question;
  const restorePoints: RestorePoint[] = [];
  let parentOfTarget: number | undefined;
  let looked = false;
  let stop: StopPoint | undefined;
  for await (const sifted of sift(chain, sought)) {
    looked = true;
    restorePoints.push(...sifted.restorePoints);
    for (const [first, last] of stop === undefined ? runsOf(sifted.may) : []) {
      // Its record may begin in the segment before, or end in the one after.
      const around = { ...question, chain: chain.slice(0, last + 2) };
      const { scan } = await scanFrom(Math.max(0, first - 1), around, read, () => {});
      parentOfTarget ??= scan.parentOfTarget;
      stop = scan.stop;
      if (stop !== undefined) break;
    }
    if (stop !== undefined && sought.kind === 'xid') break;
  }
  progress(chain.length, chain.length);
  if (!looked) return undefined;
  const at = stop?.lsn;
  const sameName = restorePoints.filter(
    ({ name, lsn }) => at !== undefined && lsn > at && sought.kind === 'name' && name === sought.name,
  );
  const rest =
    at === undefined
      ? { ...question, chain: chain.slice(-2) }
      : { ...question, target: { ...sought, foundAt: at } };
  return { question: rest, restorePoints, sameName, parentOfTarget };
}

async function momentFrom(
  question: MomentQuestion,
  read: ReadSegment,
  progress: (done: number, all: number) => void,
): Promise<Omit<Moment, 'segmentsRead'>> {
  let from = firstGuess(question);
  for (let back = 1; ; back *= 2) {
    const { scan, damagedAfter } = await scanFrom(from, question, read, progress);
    const unsure = scan.lastCommit === undefined || scan.locks.doubt;
    if (from > 0 && unsure) {
      from = Math.max(0, from - back);
      continue;
    }
    const { stop, lastCommit, nextCommit, last, restorePoints, parentOfTarget } = scan;
    return {
      stop,
      lastCommit,
      nextCommit,
      last,
      restorePoints,
      parentOfTarget,
      held: scan.locks.held,
      free: scan.locks.freeBefore(),
      prepared: [...scan.prepared.values()],
      writtenBefore: writtenBefore(question, stop),
      leftBehind: scan.leftBehind,
      damagedAfter,
    };
  }
}

/** The segment before the one that surely holds the stop: the record there may begin in it, and so may its neighbours. */
function firstGuess({ target, chain, segmentSize }: MomentQuestion): number {
  const holding = (lsn: Lsn): number =>
    chain.findIndex((link) => link.number === numberHolding(lsn, segmentSize));
  const last = chain.length - 1;
  switch (target.kind) {
    case 'time': {
      // Not the time that later segments allow: PostgreSQL stops at the first commit that is later than the target, also
      // where a clock went back after it. A copy that was uploaded late costs only some reading.
      const later = chain.findIndex(({ written }) => written !== undefined && latest(written) > target.time);
      return Math.max(0, (later === -1 ? last : later) - 1);
    }
    case 'lsn':
      return Math.max(0, (holding(target.lsn) === -1 ? last : holding(target.lsn)) - 1);
    case 'xid':
    case 'name':
      return target.foundAt === undefined ? 0 : Math.max(0, holding(target.foundAt) - 1);
    case 'immediate':
      return 0;
    case 'latest':
      return Math.max(0, last - 1);
  }
}

/** An archive may keep times of files in whole seconds (barman-wal-archive with a Python before 3.8 does). */
const ROUNDED = 1_000_000n;

/** The latest moment that the time of a file may stand for. */
function latest(written: Instant): bigint {
  return written % ROUNDED === 0n ? written + ROUNDED : written;
}

function writtenBefore(
  { target, chain, segmentSize }: MomentQuestion,
  stop: StopPoint | undefined,
): readonly Link[] {
  if (target.kind !== 'time' || stop === undefined) return [];
  const until = target.time - ROUNDED;
  const stopped = numberHolding(stop.lsn, segmentSize);
  return chain.filter(({ number, written }) => number > stopped && written !== undefined && written < until);
}
