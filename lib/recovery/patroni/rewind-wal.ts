import { formatBytes } from '../../base/values/bytes.ts';
import type { ControlData } from '../postgres/control-data.ts';
import { parseLsn } from '../wal/lsn.ts';
import type { PastPromotions } from '../wal/past-promotions.ts';
import { numberHolding, parseSegment, segmentNumber } from '../wal/segment.ts';
import type { OldData } from './rewound-copy.ts';

type Position = Pick<ControlData, 'timeline' | 'checkpointLsn' | 'minimumRecoveryLsn' | 'segmentSize'>;

/**
 * Bytes of WAL that pg_rewind fetches to find what old data has changed since its history parted from the leader's: all from
 * there to its end that is not in its pg_wal any more. Where the two parted before the place that the leader's history
 * tells, it is more.
 */
export function walToFetch(
  { timeline, checkpointLsn, minimumRecoveryLsn, segmentSize }: Position,
  wal: readonly string[],
  leader: PastPromotions,
): number {
  const left = leader.ancestors.filter((one) => one.timeline <= timeline).at(-1);
  const parted = parseLsn(left?.until ?? '');
  if (parted === undefined || timeline === leader.timeline) return 0;
  const end = checkpointLsn > minimumRecoveryLsn ? checkpointLsn : minimumRecoveryLsn;
  const [from, to] = [numberHolding(parted, segmentSize), numberHolding(end, segmentSize)];
  const there = new Set(
    wal.flatMap((name) => {
      const segment = parseSegment(name);
      return segment === undefined ? [] : [segmentNumber(segment, segmentSize)];
    }),
  );
  const missing = to - from + 1 - [...there].filter((number) => number >= from && number <= to).length;
  return Math.max(0, missing) * segmentSize;
}

/** Why so much is not fetched; nothing where it may be. Where it is more than the data, the leader is copied the sooner. */
export function whyTooMuchWal(bytes: number, old: Pick<OldData, 'bytes' | 'freeBytes'>): string | undefined {
  const words = `${formatBytes(bytes)} of WAL that is not there any more would be fetched to find what it has changed`;
  if (old.bytes !== undefined && bytes > old.bytes)
    return `${words}, more than its ${formatBytes(old.bytes)}`;
  if (old.freeBytes !== undefined && bytes > old.freeBytes)
    return `${words}, and ${formatBytes(old.freeBytes)} are free`;
  return undefined;
}
