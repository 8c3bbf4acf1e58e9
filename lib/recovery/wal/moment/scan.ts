import { type Instant, SECOND } from '../instant.ts';
import type { Lsn } from '../lsn.ts';
import type { PreparedTransaction } from '../records/prepared.ts';
import { RMGR, type WalRecord } from '../records/record.ts';
import { standbyRecord } from '../records/standby.ts';
import { type TransactionEnd, transactionEnd } from '../records/transaction.ts';
import { xlogRecord } from '../records/xlog.ts';
import type { RecoveryTarget } from '../target.ts';
import { LockTracker } from './locks.ts';

/** A commit in WAL. */
export interface CommitPoint {
  readonly xid: number;
  readonly time: Instant;
  readonly lsn: Lsn;
}

/** A restore point in WAL. */
export interface RestorePoint {
  readonly name: string;
  readonly time: Instant;
  readonly lsn: Lsn;
}

/** A transaction that is prepared and waits for COMMIT PREPARED or ROLLBACK PREPARED. */
export interface OpenPrepared extends PreparedTransaction {
  readonly xid: number;
  readonly time: Instant;
}

/** The record at which PostgreSQL stops, and on which side of it. */
export interface StopPoint {
  readonly side: 'before' | 'after';
  readonly lsn: Lsn;
  /** As far as is replayed: the beginning of the record, or what follows it. */
  readonly replayedTo: Lsn;
  /** What follows the record: it has to be read whole, also where it is not replayed. */
  readonly readTo: Lsn;
  readonly what: 'commit' | 'abort' | 'restore point' | 'record' | 'consistency';
  readonly xid?: number | undefined;
  readonly time?: Instant | undefined;
}

/** Commits behind the stop whose time is before the target: how many were seen, and the last one. */
export interface LeftBehind {
  readonly count: number;
  readonly last: CommitPoint;
}

const TELLING: ReadonlySet<number> = new Set(Object.values(RMGR));

/** Everything about one record that stopping depends on. */
interface Seen {
  readonly record: WalRecord;
  readonly end?: TransactionEnd | undefined;
  readonly point?: RestorePoint | undefined;
}

/**
 * Follows records as PostgreSQL would replay them towards a target, and says where it stops and what is true there.
 * Give it all records in order until `done`; with what comes then it tells more of `leftBehind`.
 */
export class MomentScan {
  readonly #target: RecoveryTarget;
  /** Where the backup is consistent. */
  readonly #consistentAt: Lsn;
  readonly locks = new LockTracker();
  /** The last commit that is replayed. */
  lastCommit: CommitPoint | undefined;
  /** The first commit that is not. */
  nextCommit: CommitPoint | undefined;
  stop: StopPoint | undefined;
  leftBehind: LeftBehind | undefined;
  /** The last record that was read, replayed or not. */
  last: Pick<WalRecord, 'lsn' | 'endLsn'> | undefined;
  readonly restorePoints: RestorePoint[] = [];
  /** Those that were prepared in what was read, and not decided in it. */
  readonly prepared = new Map<number, OpenPrepared>();
  /** The transaction whose subtransaction the target is. */
  parentOfTarget: number | undefined;

  constructor(target: RecoveryTarget, consistentAt: Lsn) {
    this.#target = target;
    this.#consistentAt = consistentAt;
  }

  /** Both the stop and the first commit after it are known. */
  get done(): boolean {
    return this.stop !== undefined && this.nextCommit !== undefined;
  }

  take(record: WalRecord): void {
    this.last = record;
    // Most records are about rows and pages, and stop nothing.
    if (!TELLING.has(record.rmgr) && this.#target.kind !== 'lsn' && this.#target.kind !== 'immediate') return;
    const end = transactionEnd(record);
    const xlog = end === undefined ? xlogRecord(record) : undefined;
    const point =
      xlog?.kind === 'restore-point' ? { name: xlog.name, time: xlog.time, lsn: record.lsn } : undefined;
    const commit = end?.kind === 'commit' ? { xid: end.xid, time: end.time, lsn: record.lsn } : undefined;
    if (this.stop !== undefined) {
      this.nextCommit ??= commit;
      if (commit !== undefined) this.#passOver(commit);
      return;
    }
    const seen: Seen = { record, end, point };
    const before = this.#stopsBefore(seen);
    if (before !== undefined) {
      this.stop = stopAt(seen, 'before', before);
      this.nextCommit = commit;
      return;
    }
    this.#replay(seen, commit);
    const after = this.#stopsAfter(seen);
    if (after !== undefined) this.stop = stopAt(seen, 'after', after);
  }

  #replay({ record, end, point }: Seen, commit: CommitPoint | undefined): void {
    if (end !== undefined) {
      this.locks.ended(end, record.lsn);
      if (end.prepared === undefined) this.prepared.delete(end.xid);
      else this.prepared.set(end.xid, { ...end.prepared, xid: end.xid, time: end.time });
      if (this.#target.kind === 'xid' && end.subxids.includes(this.#target.xid))
        this.parentOfTarget = end.xid;
    } else {
      const standby = standbyRecord(record);
      if (standby?.kind === 'locks') this.locks.locks(standby.locks, record.lsn);
      if (standby?.kind === 'running') this.locks.running(standby);
    }
    if (point !== undefined) this.restorePoints.push(point);
    this.lastCommit = commit ?? this.lastCommit;
  }

  /** Those who commit at the same moment take their times before their places in the WAL: that is no clock that went back. */
  #passOver(commit: CommitPoint): void {
    if (this.#target.kind !== 'time' || commit.time >= this.#target.time - SECOND) return;
    this.leftBehind = { count: (this.leftBehind?.count ?? 0) + 1, last: commit };
  }

  /** As PostgreSQL decides before it replays a record (`recoveryStopsBefore`). */
  #stopsBefore({ record, end }: Seen): StopPoint['what'] | undefined {
    const target = this.#target;
    const ends = end === undefined || end.kind === 'prepare' ? undefined : end;
    switch (target.kind) {
      case 'lsn':
        return target.exclusive === true && record.lsn >= target.lsn ? 'record' : undefined;
      case 'xid':
        return target.exclusive === true && ends?.xid === target.xid && !this.#isElsewhere(record.lsn)
          ? ends.kind === 'commit'
            ? 'commit'
            : 'abort'
          : undefined;
      case 'time': {
        if (ends === undefined) return undefined;
        const later = target.exclusive === true ? ends.time >= target.time : ends.time > target.time;
        return later ? (ends.kind === 'commit' ? 'commit' : 'abort') : undefined;
      }
      default:
        return undefined;
    }
  }

  /** As PostgreSQL decides once it has replayed a record (`recoveryStopsAfter`). */
  #stopsAfter({ record, end, point }: Seen): StopPoint['what'] | undefined {
    const target = this.#target;
    switch (target.kind) {
      case 'immediate':
        return record.endLsn >= this.#consistentAt ? 'consistency' : undefined;
      case 'name':
        return point?.name === target.name && !this.#isElsewhere(record.lsn) ? 'restore point' : undefined;
      case 'lsn':
        return target.exclusive !== true && record.lsn >= target.lsn ? 'record' : undefined;
      case 'xid':
        return target.exclusive !== true &&
          end !== undefined &&
          end.kind !== 'prepare' &&
          end.xid === target.xid &&
          !this.#isElsewhere(record.lsn)
          ? end.kind
          : undefined;
      default:
        return undefined;
    }
  }

  /** Its place is known from before, and this is another one. */
  #isElsewhere(lsn: Lsn): boolean {
    const found = 'foundAt' in this.#target ? this.#target.foundAt : undefined;
    return found !== undefined && found !== lsn;
  }
}

function stopAt({ record, end, point }: Seen, side: 'before' | 'after', what: StopPoint['what']): StopPoint {
  return {
    side,
    lsn: record.lsn,
    replayedTo: side === 'before' ? record.lsn : record.endLsn,
    readTo: record.endLsn,
    what,
    xid: end?.xid,
    time: end?.time ?? point?.time,
  };
}
