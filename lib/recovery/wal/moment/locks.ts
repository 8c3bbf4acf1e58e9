import type { Lsn } from '../lsn.ts';
import type { ExclusiveLock, RunningTransactions } from '../records/standby.ts';
import type { TransactionEnd } from '../records/transaction.ts';

/** An AccessExclusive lock, from the first record that speaks of it on. */
export interface SeenLock extends ExclusiveLock {
  readonly since: Lsn;
  /** How many commits had been seen by then. */
  readonly commitsBefore: number;
}

/** After so many snapshots one of them, with the locks that PostgreSQL logs before it, lies wholly in what was read. */
const ENOUGH_SNAPSHOTS = 3;

/**
 * Follows which AccessExclusive locks a standby that replays these records would hold. Reading may begin anywhere:
 * `doubt` tells whether something from before could still matter.
 */
export class LockTracker {
  readonly #held = new Map<number, SeenLock[]>();
  /** Locks that an aborted transaction held for a while. */
  readonly #passed: (SeenLock & { readonly until: Lsn })[] = [];
  /** Transactions that ran when the first snapshot was taken and have not ended since; undefined before it. */
  #suspects: Set<number> | undefined;
  /** Transactions that have ended since the last snapshot but one. */
  #ended = new Set<number>();
  #endedBefore = new Set<number>();
  #snapshots = 0;
  #commits = 0;

  locks(locks: readonly ExclusiveLock[], at: Lsn): void {
    for (const lock of locks) {
      // A snapshot may have been begun before the transaction ended, and lie behind its end: PostgreSQL takes no such lock.
      if (this.#ended.has(lock.xid) || this.#endedBefore.has(lock.xid)) continue;
      const own = this.#held.get(lock.xid) ?? [];
      // Snapshots repeat all locks; the first record counts.
      if (own.some((other) => other.relation === lock.relation && other.database === lock.database)) continue;
      this.#held.set(lock.xid, [...own, { ...lock, since: at, commitsBefore: this.#commits }]);
    }
  }

  running({ xids, nextXid, oldestXid, overflowed }: RunningTransactions): void {
    this.#snapshots += 1;
    // As PostgreSQL does: nothing older than the oldest that runs holds a lock, whether its end was read or not.
    for (const xid of this.#held.keys()) if (isBefore(xid, oldestXid)) this.#held.delete(xid);
    if (this.#suspects === undefined) {
      this.#suspects = new Set(xids.filter((xid) => !this.#ended.has(xid)));
      this.#nextSnapshot();
      return;
    }
    this.#nextSnapshot();
    const now = new Set(xids);
    for (const xid of this.#suspects) {
      const over = !overflowed && !now.has(xid) && isBefore(xid, nextXid);
      const lockless = this.#snapshots >= ENOUGH_SNAPSHOTS && !this.#held.has(xid);
      if (over || lockless) this.#suspects.delete(xid);
    }
  }

  ended({ kind, xid, subxids }: TransactionEnd, at: Lsn): void {
    if (kind !== 'abort') this.#commits += 1;
    // The locks of a prepared transaction stay until its second half.
    if (kind === 'prepare') return;
    for (const one of [xid, ...subxids]) {
      const own = this.#held.get(one) ?? [];
      if (kind === 'abort') this.#passed.push(...own.map((lock) => ({ ...lock, until: at })));
      this.#held.delete(one);
      this.#suspects?.delete(one);
      this.#ended.add(one);
    }
  }

  #nextSnapshot(): void {
    this.#endedBefore = this.#ended;
    this.#ended = new Set();
  }

  /** All that are held now. */
  get held(): readonly SeenLock[] {
    return [...this.#held.values()].flat();
  }

  /** What a stop at the earliest of these locks would leave held, and so on: the position before which none is. */
  freeBefore(): { readonly lsn: Lsn; readonly commitsBetween: number } | undefined {
    let first = earliestOf(this.held);
    while (first !== undefined) {
      const point = first.since;
      const earlier = earliestOf(this.#passed.filter(({ since, until }) => since < point && until > point));
      if (earlier === undefined) return { lsn: point, commitsBetween: this.#commits - first.commitsBefore };
      first = earlier;
    }
    return undefined;
  }

  /** Whether records before the first that was read could change the answer. */
  get doubt(): boolean {
    const suspects = this.#suspects;
    if (suspects === undefined) return true;
    const open = [...suspects];
    if (this.#snapshots < ENOUGH_SNAPSHOTS && open.some((xid) => !this.#held.has(xid))) return true;
    // Where a commit lies between anyway, it does not matter how much earlier the lock was taken.
    return this.freeBefore()?.commitsBetween === 0 && open.some((xid) => this.#held.has(xid));
  }
}

function earliestOf<T extends SeenLock>(locks: readonly T[]): T | undefined {
  return locks.reduce<T | undefined>(
    (first, lock) => (first === undefined || lock.since < first.since ? lock : first),
    undefined,
  );
}

/** Transaction ids are a circle of 2^32. */
function isBefore(xid: number, other: number): boolean {
  return ((xid - other) | 0) < 0;
}
