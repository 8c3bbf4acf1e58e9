import { mainData, RMGR, type WalRecord } from './record.ts';

/** An AccessExclusive lock on a relation, as standbys take it too. */
export interface ExclusiveLock {
  readonly xid: number;
  readonly database: number;
  readonly relation: number;
}

/** What was going on when a snapshot for standbys was logged. All locks held then are logged right before it. */
export interface RunningTransactions {
  readonly nextXid: number;
  readonly oldestXid: number;
  readonly xids: readonly number[];
  /** There were more subtransactions than the list can hold. */
  readonly overflowed: boolean;
}

export type StandbyRecord =
  | { readonly kind: 'locks'; readonly locks: readonly ExclusiveLock[] }
  | ({ readonly kind: 'running' } & RunningTransactions);

/** What a record of the Standby resource manager says; nothing when it is another one. */
export function standbyRecord(record: WalRecord): StandbyRecord | undefined {
  if (record.rmgr !== RMGR.standby) return undefined;
  const data = mainData(record);
  const word = (index: number): number => data.getUint32(4 * index, true);
  switch (record.info & 0xf0) {
    case 0x00:
      return {
        kind: 'locks',
        locks: Array.from({ length: word(0) }, (_, i) => ({
          xid: word(1 + 3 * i),
          database: word(2 + 3 * i),
          relation: word(3 + 3 * i),
        })),
      };
    case 0x10:
      return {
        kind: 'running',
        overflowed: data.getUint8(8) !== 0,
        nextXid: word(3),
        oldestXid: word(4),
        xids: Array.from({ length: word(0) + word(1) }, (_, i) => word(6 + i)),
      };
    default:
      return undefined;
  }
}
