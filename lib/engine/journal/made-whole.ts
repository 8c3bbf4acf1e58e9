import { isDeepStrictEqual } from 'node:util';
import { holdsMask } from '../../base/values/secret.ts';
import type { JournalRecord, TaskTurn } from './records.ts';

type Intent = Extract<JournalRecord, { readonly type: 'change.intended' }>;

/**
 * Whether a later change that was made is the same one as this one, which was not made or only in part: the next try of its
 * task, or the same turn of it in a resumed run. Taking a change back works from what the journal has of the change, as the
 * same user, in the same environment: where these are equal one undo takes back both, and a second one would do the very same
 * once more.
 */
export function makesWhole(later: Intent, earlier: Intent): boolean {
  return (
    later.number > earlier.number &&
    later.module === earlier.module &&
    later.modules === earlier.modules &&
    later.host === earlier.host &&
    isSameTurn(later.step, earlier.step) &&
    isDeepStrictEqual(worksFrom(later), worksFrom(earlier))
  );
}

function isSameTurn(later: TaskTurn | undefined, earlier: TaskTurn | undefined): boolean {
  if (later === undefined || earlier === undefined) return false;
  const { item, value } = earlier;
  const isPlace = later.item === item;
  const isKnown = value !== undefined && later.value !== undefined && !holdsMask(value);
  return (
    later.task === earlier.task &&
    later.turn === earlier.turn &&
    later.host === earlier.host &&
    (isKnown ? isDeepStrictEqual(later.value, value) : isPlace)
  );
}

/** What people read alone says nothing to an undo. */
function worksFrom({ change, user, env, undoable }: Intent): unknown {
  const { summary: _summary, diff: _diff, ...rest } = change;
  return { change: rest, user, env, undoable };
}
