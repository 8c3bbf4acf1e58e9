import type { MergedArchive } from './archive.ts';
import { chainOf, isMissing, lastBeforeGap } from './chain.ts';
import { lsnAt } from './lsn.ts';
import type { WalPlan, WalRefusal } from './solve.ts';

/**
 * The recovery that remains where segments are missing: from the backup to the end of the last segment before the
 * first gap. Nothing where not even the backup becomes consistent. Only for an operator who has accepted that what was
 * written after the gap is lost.
 */
export function planUpToGap(
  refusal: Extract<WalRefusal, { why: 'missing' }>,
  archive: MergedArchive,
): WalPlan | undefined {
  const chain = chainOf(refusal.line, archive);
  const end = lastBeforeGap(chain);
  if (refusal.reachable.to === undefined || end?.time === undefined) return undefined;
  return {
    ok: true,
    line: refusal.line,
    needed: chain.slice(0, chain.indexOf(end) + 1),
    archivedUntil: { ...end, time: end.time },
    endLsn: lsnAt(BigInt(end.number + 1) * BigInt(archive.segmentSize)),
    reachable: refusal.reachable,
    gapAfter: chain.find(isMissing),
  };
}
