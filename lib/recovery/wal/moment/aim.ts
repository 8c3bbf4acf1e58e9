import { formatInstant } from '../instant.ts';
import { formatLsn, type Lsn } from '../lsn.ts';
import type { WalSegment } from '../segment.ts';
import type { RecoveryTarget } from '../target.ts';
import type { Moment } from './find.ts';
import type { SeenLock } from './locks.ts';
import type { OpenPrepared, StopPoint } from './scan.ts';

/** What PostgreSQL is told to aim at, so that the data can be looked at where it stops. */
export interface Aim {
  readonly target: RecoveryTarget;
  /** The target was moved to before these locks were taken. */
  readonly moved?: { readonly from: Lsn; readonly to: Lsn; readonly locks: readonly SeenLock[] } | undefined;
  /** Locks that will be held at the stop, because commits lie after they were taken. */
  readonly locked: readonly SeenLock[];
  /** How many commits lie between the locks and the stop. */
  readonly commitsBetween: number;
  /** For `latest`: the WAL ends within this segment, and the target is its last record. */
  readonly within?: WalSegment | undefined;
  /** For `latest`: segments are missing after it, which was accepted, and the target is the last record before them. */
  readonly beforeGap?: boolean | undefined;
  /** How far PostgreSQL will have replayed when it stops; nothing where the WAL does not tell. */
  readonly stopsAt?: Lsn | undefined;
}

/**
 * A transaction that is open at the stop keeps its AccessExclusive locks while recovery is paused: nobody can read the
 * tables that it was about to drop or truncate. Where no commit lies between its first such lock and the stop, the
 * data is the same at both places, and recovery stops before the lock. Never before the backup is consistent.
 *
 * Where all WAL is wanted and it ends within a segment (`partial`), the last record in it becomes the target: PostgreSQL
 * would ask for the rest of that segment for ever. So it does before an accepted gap (`beforeGap`): it would go on past
 * the moment that was wanted, as soon as the missing WAL is back in an archive.
 */
export function aimAt(
  target: RecoveryTarget,
  moment: Moment,
  consistentAt: Lsn,
  partial?: WalSegment,
  beforeGap = false,
): Aim {
  const { free, held, stop, last } = moment;
  if (target.kind === 'latest' && (partial !== undefined || beforeGap) && last !== undefined) {
    const end: RecoveryTarget = { kind: 'lsn', lsn: last.lsn };
    return { target: end, locked: [], commitsBetween: 0, within: partial, beforeGap, stopsAt: last.endLsn };
  }
  // That the backup is consistent PostgreSQL may see later than at the first record that makes it so.
  const stopsAt = target.kind === 'immediate' ? undefined : stop?.replayedTo;
  if (free === undefined || stop === undefined) return { target, locked: [], commitsBetween: 0, stopsAt };
  if (free.commitsBetween > 0 || free.lsn < consistentAt)
    return { target, locked: held, commitsBetween: free.commitsBetween, stopsAt };
  return {
    target: { kind: 'lsn', lsn: free.lsn, exclusive: true },
    moved: { from: stop.replayedTo, to: free.lsn, locks: held },
    locked: [],
    commitsBetween: 0,
    stopsAt: free.lsn,
  };
}

/** `relation 16390 of database 5 (transaction 731)` */
function lockWords(locks: readonly SeenLock[]): string {
  const shown = locks
    .slice(0, 4)
    .map(
      ({ relation, database, xid }) => `relation ${relation} of database ${database} (transaction ${xid})`,
    );
  return [...shown, ...(locks.length > 4 ? [`${locks.length - 4} more`] : [])].join(', ');
}

/** Where recovery stops, in words: `before the commit of transaction 731 of 2026-… at position 0/5000060`. */
export function stopWords(stop: StopPoint): string {
  const of = stop.xid === undefined || stop.xid === 0 ? '' : ` of transaction ${stop.xid}`;
  const what = stop.what === 'consistency' ? 'record that makes the backup consistent' : stop.what;
  const when = stop.time === undefined ? '' : ` of ${formatInstant(stop.time)}`;
  return `${stop.side} the ${what}${stop.what === 'record' ? '' : of}${when} at position ${formatLsn(stop.lsn)}`;
}

/** What an operator should know of transactions that are prepared at the stop: no recovery decides them. */
export function preparedWords(prepared: readonly OpenPrepared[]): readonly string[] {
  return prepared.map(({ gid, xid, time, database, locks }) => {
    const locked =
      locks.length === 0
        ? 'It has locked no table.'
        : `The tables that it has locked stay locked after the promotion: ${locks.map(({ relation, mode }) => `relation ${relation} (${mode})`).join(', ')}.`;
    return `There the transaction ${JSON.stringify(gid)} is prepared (transaction ${xid} of ${formatInstant(time)}, in database number ${database}), and stays so until somebody commits it or rolls it back. ${locked}`;
  });
}

/** What an operator should know of the aim beside the stop itself. */
export function aimWords(aim: Aim, prepared: readonly OpenPrepared[] = []): readonly string[] {
  if (aim.moved !== undefined) {
    const { from, to, locks } = aim.moved;
    return [
      `There a transaction that had not committed keeps tables locked, so that nobody could read them: ${lockWords(locks)}.`,
      `So recovery stops ${from - to} bytes of WAL earlier, before position ${formatLsn(to)}: no commit lies between, the data is the same.`,
    ];
  }
  if (aim.within !== undefined && aim.target.kind === 'lsn') {
    return [
      `Of the last segment, ${aim.within}, only the beginning was written: recovery stops after its last record, at position ${formatLsn(aim.target.lsn)}.`,
    ];
  }
  if (aim.beforeGap === true && aim.target.kind === 'lsn') {
    return [
      `It stops there also when the missing WAL is found meanwhile: after the last record before the gap, at position ${formatLsn(aim.target.lsn)}.`,
    ];
  }
  if (aim.locked.length === 0) return [];
  const open = aim.locked.filter(({ xid }) => !prepared.some((one) => one.xid === xid));
  return [
    ...(open.length === 0
      ? []
      : [
          `There transactions that have not committed keep tables locked, which nobody can read until the promotion (or longer, if they were prepared for a two-phase commit): ${lockWords(open)}.`,
        ]),
    ...(aim.commitsBetween > 0
      ? [`Stopping before that would lose ${aim.commitsBetween} commits, so recovery stops where you said.`]
      : []),
  ];
}
