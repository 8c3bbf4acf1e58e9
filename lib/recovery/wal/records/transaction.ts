import { type Instant, instantOfPostgres } from '../instant.ts';
import { type PreparedTransaction, preparedTransaction } from './prepared.ts';
import { mainData, RMGR, type WalRecord } from './record.ts';

/** The end of a transaction, or of the first half of a two-phase commit. */
export interface TransactionEnd {
  /** `prepare` is the first half; the second half of either kind counts as what it does. */
  readonly kind: 'commit' | 'abort' | 'prepare';
  /** The transaction that ended, as recovery_target_xid means it: of a prepared one its own number. */
  readonly xid: number;
  readonly time: Instant;
  /** Subtransactions that had numbers of their own. */
  readonly subxids: readonly number[];
  /** Of the first half: what waits for the second. */
  readonly prepared?: PreparedTransaction;
}

const [COMMIT, PREPARE, ABORT, COMMIT_PREPARED, ABORT_PREPARED] = [0x00, 0x10, 0x20, 0x30, 0x40];
const OPERATION = 0x70;
const HAS_INFO = 0x80;
const HAS = {
  database: 0x01,
  subxids: 0x02,
  files: 0x04,
  messages: 0x08,
  twoPhase: 0x10,
  stats: 0x100,
} as const;

/** Eight bytes of microseconds since 2000. */
export function timestampAt(data: DataView, at: number): Instant {
  return instantOfPostgres(data.getBigInt64(at, true));
}

/** What a record says of the end of a transaction; nothing when it is about anything else. */
export function transactionEnd(record: WalRecord): TransactionEnd | undefined {
  if (record.rmgr !== RMGR.transaction) return undefined;
  const data = mainData(record);
  switch (record.info & OPERATION) {
    case PREPARE:
      // magic, length, xid, database, prepared_at
      return {
        kind: 'prepare',
        xid: data.getUint32(8, true),
        time: timestampAt(data, 16),
        ...preparedTransaction(data, record.version),
      };
    case COMMIT:
    case COMMIT_PREPARED:
      return ended('commit', record, data);
    case ABORT:
    case ABORT_PREPARED:
      return ended('abort', record, data);
    default:
      return undefined;
  }
}

function ended(kind: 'commit' | 'abort', record: WalRecord, data: DataView): TransactionEnd {
  const time = timestampAt(data, 0);
  let at = 8;
  const number = (): number => {
    at += 4;
    return data.getUint32(at - 4, true);
  };
  const has = (record.info & HAS_INFO) === 0 ? 0 : number();
  if ((has & HAS.database) !== 0) at += 8;
  const subxids = (has & HAS.subxids) === 0 ? [] : Array.from({ length: number() }, number);
  const passOver = (size: number): void => {
    const count = number();
    at += count * size;
  };
  if ((has & HAS.files) !== 0) passOver(12);
  if ((has & HAS.stats) !== 0 && record.version.statsItem > 0) passOver(record.version.statsItem);
  if ((has & HAS.messages) !== 0) passOver(16);
  const xid = (has & HAS.twoPhase) === 0 ? record.xid : number();
  return { kind, xid, time, subxids };
}
