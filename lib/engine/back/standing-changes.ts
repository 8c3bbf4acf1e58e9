import { effectsOf } from '../journal/effects-of.ts';
import type { JournalledChange } from '../journal/read.ts';

/**
 * Whether the change, or a part of it, is there. What a safety check refused was not begun; what a later change has made
 * whole is there as that one.
 */
export function stands(change: JournalledChange): boolean {
  if (change.undone || change.notBegun || change.madeWholeBy !== undefined) return false;
  return change.intent.undoable === true || change.ended !== 'failed' || change.error?.kind !== 'refused';
}

/**
 * Whether older changes may rest on this one: it holds something for the run, gave what may end, or ended or moved what
 * an earlier one gave. Left standing while they are taken back, they would be taken back under a server at work.
 */
export function carriesOlder({ intent }: JournalledChange): boolean {
  return effectsOf(intent).some(
    ({ lasts, supersedes }) => supersedes === true || (lasts !== 'for good' && lasts !== 'until commit'),
  );
}

/** Whether its host may have been touched, whatever became of it since. */
export function wasBegun({ notBegun, ended, error }: JournalledChange): boolean {
  return !notBegun && (ended !== 'failed' || error?.kind !== 'refused');
}
