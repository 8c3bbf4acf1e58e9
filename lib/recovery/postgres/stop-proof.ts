import { formatLsn, type Lsn, parseLsn } from '../wal/lsn.ts';
import { parseInstant } from '../wal/parse-instant.ts';
import { type RecoveryTarget, targetWords } from '../wal/target.ts';
import type { ReplaySession } from './replay-watch.ts';

/**
 * What contradicts that recovery has stopped at its target; nothing when all agrees. `stopping` are PostgreSQL's words
 * in its log (in English): `before commit of transaction 740, time 2026-11-22 09:34:43.1+00`.
 */
export function wrongStop(
  target: RecoveryTarget,
  stopping: string | undefined,
  session: Pick<ReplaySession, 'lastCommit' | 'lsn'>,
): string | undefined {
  return wrongWords(target, stopping, session) ?? wrongPlace(target, session);
}

/** What contradicts that replay stands where the WAL in the archive says that it stops; nothing where it does not say. */
export function wrongPlace(
  { stopsAt }: RecoveryTarget,
  { lsn }: Pick<ReplaySession, 'lsn'>,
): string | undefined {
  return stopsAt === undefined || lsn === undefined || isSamePlace(stopsAt, lsn)
    ? undefined
    : `replay stands at ${formatLsn(lsn)}, and by the archived WAL it had to stop at ${formatLsn(stopsAt)}`;
}

/**
 * Whether a clock went back in the WAL, where nobody has seen it: PostgreSQL has stopped at a transaction that ended later
 * than the target, as it has to, and the WAL that was read (by the times of its segments) has a later place for that.
 */
export function stoppedByClock(
  target: RecoveryTarget,
  stopping: string | undefined,
  session: Pick<ReplaySession, 'lastCommit' | 'lsn'>,
): boolean {
  const { stopsAt } = target;
  return (
    target.kind === 'time' &&
    stopping !== undefined &&
    stopsAt !== undefined &&
    session.lsn !== undefined &&
    session.lsn < stopsAt &&
    wrongWords(target, stopping, session) === undefined
  );
}

/** Pages begin at multiples of their size, which is at least this. */
const PAGE = 1024n;

/** A record that ends with its page ends where the next page begins; the next record begins after the header of that page. */
export function isSamePlace(a: Lsn, b: Lsn): boolean {
  const [low, high] = a < b ? [a, b] : [b, a];
  return low === high || (low % PAGE === 0n && (high - low === 24n || high - low === 40n));
}

function wrongWords(
  target: RecoveryTarget,
  stopping: string | undefined,
  session: Pick<ReplaySession, 'lastCommit'>,
): string | undefined {
  // Started again where it stood, it may stop before it has said a word.
  const words = stopping ?? '';
  const says = (expected: boolean): string | undefined =>
    expected || words === ''
      ? undefined
      : `PostgreSQL says it stopped ${words}, the target is ${targetWords(target)}`;
  const side = 'exclusive' in target && target.exclusive === true ? 'before' : 'after';
  switch (target.kind) {
    case 'time':
      return says(/^before (commit|abort) /.test(words)) ?? wrongTime(target, words, session);
    case 'xid':
      return says(
        new RegExp(`^${side} (commit|abort)( prepared)? of transaction ${target.xid},`).test(words),
      );
    case 'lsn': {
      const found = parseLsn(/^(?:before|after) WAL location \(LSN\) "([^"]+)"/.exec(words)?.[1] ?? '');
      return says(words.startsWith(`${side} `) && found !== undefined && found >= target.lsn);
    }
    case 'name':
      return says(words.startsWith(`at restore point "${target.name}",`));
    case 'immediate':
      return says(/^after reaching consistency/.test(words));
    case 'latest':
      return says(false);
  }
}

/** What was replayed must be at or before the target; what stopped it must be after. */
function wrongTime(
  target: Extract<RecoveryTarget, { kind: 'time' }>,
  words: string,
  session: Pick<ReplaySession, 'lastCommit'>,
): string | undefined {
  const last = parseInstant(session.lastCommit ?? '');
  const beyond = target.exclusive === true ? target.time - 1n : target.time;
  if (last.ok && last.instant > beyond)
    return `the last commit that was replayed is of ${session.lastCommit}, later than ${targetWords(target)}`;
  const stopped = parseInstant(/, time (.+)$/.exec(words)?.[1] ?? '');
  return stopped.ok && stopped.instant <= beyond
    ? `PostgreSQL says it stopped ${words}, which is not after ${targetWords(target)}`
    : undefined;
}
