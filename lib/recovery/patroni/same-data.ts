import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { readOnlySession, type SessionTarget } from '../postgres/sql.ts';
import type { Member } from './cluster.ts';
import {
  checkpointProbe,
  compareCheckpoint,
  compareTransactions,
  compareWal,
  type Finding,
  hashProbe,
  type MemberPosition,
  parsePosition,
  positionProbe,
  SNAPSHOT,
  TRANSACTIONS_SAME,
  transactionsSql,
  walWindows,
} from './history-evidence.ts';
import { findLeaderInstance } from './leader-instance.ts';

export interface DataQuestion {
  readonly member: string;
  readonly session: SessionTarget;
  readonly leader: Member;
  /** Its system identifier, where that is told. */
  readonly systemId?: string | undefined;
  /** That the leader writes on. */
  readonly timeline: number;
}

/** What of a member's data was held against the leader's, in words. */
export interface DataProof {
  readonly same: readonly string[];
  readonly differs: readonly string[];
  /** What could not be compared, and why. */
  readonly untold: readonly string[];
}

/**
 * Holds the data of a member that streams against its leader's history: the WAL before the position that it has
 * replayed, byte by byte; the checkpoint that its control file goes back to, which must be a record of the leader's WAL;
 * and the outcome of the latest transactions. Timeline, system identifier and lag are the same for a member that has
 * followed another branch, or that has begun to replay too late.
 */
export async function compareData(host: ReadHost, question: DataQuestion): Promise<DataProof> {
  const { session, leader } = question;
  try {
    const peer = host.peer(leader.name);
    const there = await findLeaderInstance(peer, leader, session.user, question.systemId);
    if (there === undefined) {
      return untold(
        `which PostgreSQL is the leader's (it announces port ${leader.port ?? 5432}) could not be told from the processes of ${session.user} on ${leader.name}`,
      );
    }
    const leaderSession: SessionTarget = { ...there, user: session.user };
    const [position, snapshots] = await Promise.all([
      askPosition(host, session),
      Promise.all([
        host.query(readOnlySession(session, [SNAPSHOT])),
        peer.query(readOnlySession(leaderSession, [SNAPSHOT])),
      ]),
    ]);
    const evidence = await Promise.all([
      walEvidence(host, peer, question, leaderSession, position),
      checkpointEvidence(peer, leaderSession, position),
      transactionEvidence(
        host,
        peer,
        session,
        leaderSession,
        snapshots.map(({ exitCode, stdout }) => (exitCode === 0 ? Number(stdout.trim()) : Number.NaN)),
      ),
    ]);
    return {
      same: evidence.flatMap(({ verdict, words }) => (verdict === 'same' ? [words] : [])),
      differs: evidence.flatMap(({ verdict, words }) => (verdict === 'differs' ? [words] : [])),
      untold: evidence.flatMap(({ verdict, words }) => (verdict === 'untold' ? [words] : [])),
    };
  } catch (thrown) {
    if (!(thrown instanceof PitrError)) throw thrown;
    return untold(thrown.message);
  }
}

/**
 * Whether enough was compared to believe in it: the outcome of transactions, and a piece of WAL or the checkpoint. WAL
 * that the leader has recycled can not be compared any more.
 */
export function isProved({ same, differs }: DataProof): boolean {
  return differs.length === 0 && same.includes(TRANSACTIONS_SAME) && same.length >= 2;
}

function untold(why: string): DataProof {
  return { same: [], differs: [], untold: [why] };
}

async function askPosition(host: ReadHost, session: SessionTarget): Promise<MemberPosition | string> {
  const asked = await host.query(positionProbe(session));
  return asked.exitCode === 0 ? parsePosition(asked.stdout) : asked.stderr.trim();
}

async function walEvidence(
  host: ReadHost,
  peer: ReadHost,
  { timeline, session }: DataQuestion,
  leaderSession: SessionTarget,
  position: MemberPosition | string,
): Promise<Finding> {
  if (typeof position === 'string') return { verdict: 'untold', words: `its position: ${position}` };
  const windows = walWindows(position, timeline);
  const [own, others] = await Promise.all([
    host.query(hashProbe(session, windows)),
    peer.query(hashProbe(leaderSession, windows)),
  ]);
  return compareWal(windows, own.stdout, others.stdout);
}

async function checkpointEvidence(
  peer: ReadHost,
  leaderSession: SessionTarget,
  position: MemberPosition | string,
): Promise<Finding> {
  if (typeof position === 'string') return { verdict: 'untold', words: `its control file: ${position}` };
  const shown = await peer.query(checkpointProbe(leaderSession, position));
  return compareCheckpoint(position, shown.exitCode, shown.stdout, shown.stderr);
}

async function transactionEvidence(
  host: ReadHost,
  peer: ReadHost,
  session: SessionTarget,
  leaderSession: SessionTarget,
  snapshots: readonly number[],
): Promise<Finding> {
  const until = Math.min(...snapshots);
  if (!Number.isSafeInteger(until)) {
    return { verdict: 'untold', words: 'the outcome of transactions: one of the two does not let us in' };
  }
  const question = [transactionsSql(until)];
  const limits = { statementMs: 30_000, lockMs: 3_000 };
  const [own, others] = await Promise.all([
    host.query(readOnlySession(session, question, limits)),
    peer.query(readOnlySession(leaderSession, question, limits)),
  ]);
  return compareTransactions(own, others);
}
