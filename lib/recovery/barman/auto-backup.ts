import { formatInstant } from '../wal/instant.ts';
import { formatLsn } from '../wal/lsn.ts';
import type { WalPlan, WalRefusal } from '../wal/solve.ts';
import { lsnOfTarget, type RecoveryTarget, targetWords } from '../wal/target.ts';
import type { CompleteBackup } from './backup-info.ts';

/** A newer backup that was not chosen, and why not. */
export interface PassedOver {
  readonly backup: CompleteBackup;
  readonly why: string;
}

/** Why WAL does not lead from a backup to the target, as the rest of a sentence about the backup. */
export function whyNot(refusal: WalRefusal, target: RecoveryTarget, backup: CompleteBackup): string {
  switch (refusal.why) {
    case 'before-backup-end':
      return target.kind === 'time'
        ? `ended at ${formatInstant(backup.endTime)}, after the target`
        : `ended at position ${formatLsn(backup.endLsn)}, after the target`;
    case 'missing':
      return `WAL is missing on its way: ${refusal.missing[0]?.segment}${refusal.missing.length > 1 ? ` and ${refusal.missing.length - 1} more` : ''}`;
    case 'nothing-archived':
      return 'none of its WAL is archived';
    case 'after-last-archived':
      return `the WAL that follows it ends before the target, on timeline ${refusal.line.timeline}`;
    case 'timeline-ambiguous':
      return 'more than one timeline that it leads to could be meant';
    case 'timeline-unreachable':
      return 'it does not lead to the timeline that was asked for';
    case 'leader-elsewhere':
      return `it does not lead to timeline ${refusal.leader}, on which the leader is`;
    case 'timeline-conflict':
      return `servers disagree on timeline ${refusal.timeline}`;
  }
}

/** Why this backup, in lines. */
export function whyChosen(
  chosen: CompleteBackup,
  passedOver: readonly PassedOver[],
  target: RecoveryTarget,
): readonly string[] {
  const way = target.kind === 'latest' ? 'the end of what is archived' : targetWords(target);
  return [
    passedOver.length === 0
      ? `${chosen.id} of server ${chosen.server} is the newest backup, and WAL leads from it to ${way}.`
      : `${chosen.id} of server ${chosen.server} is the newest backup from which WAL leads to ${way}.`,
    ...wordsOf(passedOver),
  ];
}

function wordsOf(passedOver: readonly PassedOver[]): readonly string[] {
  return passedOver.map(({ backup, why }) => `Passed over: ${backup.id} of server ${backup.server}: ${why}.`);
}

type Missing = Extract<WalRefusal, { why: 'missing' }>;

/** Whether something can be recovered before the gap: the backup becomes consistent. */
export function leadsToGap(refusal: WalRefusal): refusal is Missing {
  return refusal.why === 'missing' && refusal.reachable.to !== undefined;
}

/** Why this backup, where the gap behind it is accepted, in lines. */
export function whyUpToGap(
  chosen: CompleteBackup,
  { missing }: Missing,
  passedOver: readonly PassedOver[],
): readonly string[] {
  return [
    `${chosen.id} of server ${chosen.server} is the newest backup from which WAL leads to a gap that was accepted, and no farther: ${missing[0]?.segment} is missing.`,
    ...wordsOf(passedOver),
  ];
}

/**
 * A position is counted on in every history: the newest backup may lie on one branch alone and so have no doubt which
 * one is meant. The first older backup that has, and its refusal; nothing for times, which have no such double.
 */
export async function otherMeaning<T>(
  target: RecoveryTarget,
  older: readonly T[],
  solve: (backup: T) => Promise<WalPlan | WalRefusal>,
): Promise<{ readonly backup: T; readonly refusal: WalRefusal } | undefined> {
  if (lsnOfTarget(target) === undefined) return undefined;
  for (const backup of older) {
    const refusal = await solve(backup);
    if (!refusal.ok && refusal.why === 'timeline-ambiguous') return { backup, refusal };
  }
  return undefined;
}
