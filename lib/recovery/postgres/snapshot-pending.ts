import { formatLsn } from '../wal/lsn.ts';
import type { LogFacts } from './log.ts';

/**
 * Whether PostgreSQL lets nobody in although its data is consistent and all WAL that there is was replayed (`atEnd`). It has
 * no usable snapshot then: in each list of open transactions that the WAL holds, one had more than 64 subtransactions
 * (`subxid_overflow`). That it waits for a better one it says below DEBUG1 alone ("recovery snapshot waiting for
 * non-overflowed snapshot"); that it has opened it always says.
 */
export function isSnapshotPending({ consistent, open, doubt }: LogFacts, atEnd: boolean): boolean {
  return atEnd && consistent !== undefined && !open && doubt === undefined;
}

/** Why nobody is let in, and what helps. */
export function snapshotPending({ consistent, restored, absent }: LogFacts, runId: string) {
  return {
    kind: 'failed',
    code: 'snapshot-pending',
    message:
      'all WAL that is archived was replayed, and PostgreSQL lets nobody in: it does not say yet which transactions are open',
    details: [
      `The data is consistent${consistent === undefined ? '' : ` since ${formatLsn(consistent)}`}. But whenever the leader has written down its open transactions since the backup (every 15 seconds, and with each checkpoint), one had more than 64 subtransactions: savepoints, or exception blocks of PL/pgSQL.`,
      ...(restored === undefined ? [] : [`Last WAL file fetched: ${restored}.`]),
      ...(absent === undefined ? [] : [`In no archive: ${absent.file} (asked: ${absent.words})`]),
    ],
    next: [
      `Where the leader still writes: let such transactions end there (the oldest xact_start in pg_stat_activity), then: select pg_switch_wal(). With the WAL of that PostgreSQL opens by itself. Then go on: pitr resume ${runId}`,
      'Else take the recovery back (rollback.yml), and recover from a base backup that began when no such transaction was open: -e backup=..., which pitr backups names.',
    ],
  } as const;
}
