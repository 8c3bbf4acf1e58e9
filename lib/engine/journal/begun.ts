import { effectsOf, isHeld } from './effects-of.ts';
import { changesOf, type JournalledChange } from './read.ts';
import type { JournalRecord } from './records.ts';
import type { ChangeOfTurn } from './turns.ts';

/** A change that a run has begun. */
export interface BegunChange extends ChangeOfTurn {
  /** Nobody has said that it came to its end, and no later one has made it whole. */
  readonly isHalf: boolean;
}

/**
 * The changes that a run has begun and that were not taken back, newest first: they may be there, in part or as a whole. Not
 * what a safety check refused, nor what has ended with its process or may have ended since.
 */
export function begunIn(records: readonly JournalRecord[]): readonly BegunChange[] {
  return changesOf(records)
    .filter((change) => !change.undone && mayBeThere(change))
    .flatMap(({ intent, ended, madeWholeBy }) =>
      intent.step === undefined
        ? []
        : [{ intent, turn: intent.step, isHalf: ended !== 'done' && madeWholeBy === undefined }],
    )
    .reverse();
}

function mayBeThere({ intent, notBegun, ended, error }: JournalledChange): boolean {
  if (notBegun || isHeld(intent) || (ended === 'failed' && error?.kind === 'refused')) return false;
  return ended !== 'done' || !effectsOf(intent).some(({ lasts }) => lasts === 'until it ends');
}
