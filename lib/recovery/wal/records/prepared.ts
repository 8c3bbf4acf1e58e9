import type { WalVersion } from './version.ts';

/** A lock on a relation that a prepared transaction keeps until somebody decides it. */
export interface PreparedLock {
  readonly database: number;
  readonly relation: number;
  /** As in `pg_locks`: `AccessExclusiveLock`. */
  readonly mode: string;
}

/** What the record of a PREPARE TRANSACTION says; catalogues know the names behind the numbers. */
export interface PreparedTransaction {
  readonly gid: string;
  readonly database: number;
  readonly owner: number;
  /** The strongest one of each relation. */
  readonly locks: readonly PreparedLock[];
}

/** `LOCKMODE`s by number: the weakest first. */
export const LOCK_MODES: readonly string[] = [
  'NoLock',
  'AccessShareLock',
  'RowShareLock',
  'RowExclusiveLock',
  'ShareUpdateExclusiveLock',
  'ShareLock',
  'ShareRowExclusiveLock',
  'ExclusiveLock',
  'AccessExclusiveLock',
];

const END_OF_PARTS = 0;
const LOCK_PART = 1;
const RELATION = 0;

/** Reads `xl_xact_prepare` and the parts behind it, each of which begins at a multiple of 8 bytes. */
export function preparedTransaction(
  data: DataView,
  version: WalVersion,
): { readonly prepared: PreparedTransaction; readonly subxids: readonly number[] } {
  const stats = version.statsItem > 0;
  // nsubxacts, ncommitrels, nabortrels, (ncommitstats, nabortstats,) ninvalmsgs: what each takes in bytes
  const sizes = [4, 12, 12, ...(stats ? [version.statsItem, version.statsItem] : []), 16];
  const behindCounts = 28 + 4 * sizes.length;
  const gidLength = data.getUint16(behindCounts + 2, true);
  let at = aligned(behindCounts + 4) + 16;
  const gid = new TextDecoder().decode(
    new Uint8Array(data.buffer, data.byteOffset + at, Math.max(0, gidLength - 1)),
  );
  at += aligned(gidLength);
  const [behindGid, subtransactions] = [at, data.getInt32(28, true)];
  for (const [index, size] of sizes.entries()) at += aligned(size * data.getInt32(28 + 4 * index, true));
  return {
    prepared: {
      gid,
      database: data.getUint32(12, true),
      owner: data.getUint32(24, true),
      locks: locksFrom(data, at),
    },
    subxids: Array.from({ length: subtransactions }, (_, i) => data.getUint32(behindGid + 4 * i, true)),
  };
}

function locksFrom(data: DataView, from: number): readonly PreparedLock[] {
  const strongest = new Map<string, { readonly lock: PreparedLock; readonly rank: number }>();
  for (let at = from; at + 8 <= data.byteLength; ) {
    const length = data.getUint32(at, true);
    const part = data.getUint8(at + 4);
    if (part === END_OF_PARTS) break;
    at += 8;
    if (part === LOCK_PART && data.getUint8(at + 14) === RELATION) {
      const rank = data.getInt32(at + 16, true);
      const database = data.getUint32(at, true);
      const relation = data.getUint32(at + 4, true);
      const key = `${database}/${relation}`;
      if (rank > (strongest.get(key)?.rank ?? 0))
        strongest.set(key, { lock: { database, relation, mode: LOCK_MODES[rank] ?? `mode ${rank}` }, rank });
    }
    at += aligned(length);
  }
  return [...strongest.values()].map(({ lock }) => lock);
}

function aligned(length: number): number {
  return (length + 7) & ~7;
}
