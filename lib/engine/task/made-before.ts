import type { Change, ChangeModule, Result, TaskContext } from '../../contract/module.ts';
import { unmaskedResult } from '../back/masked.ts';
import type { MadeFrom } from '../journal/turns.ts';
import { leftHalf } from './left-half.ts';
import type { ModuleOutcome, Workplace } from './workplace.ts';

/** The outcome of a change that the run made before it was resumed. */
export function madeBefore(params: unknown, place: Workplace): ModuleOutcome | undefined {
  const made = place.past?.takeChange(place.turn, madeFrom(params, place));
  if (made === undefined) return undefined;
  const result = unmaskedResult(made.result, 'change') ?? {};
  return { ...changed(result, made.intent.change.summary, place), judgedBefore: made.judged };
}

/**
 * The outcome where a module finds nothing to do. Where the run has begun the change before, it was the run that changed it:
 * the controller died, or the connection was lost, before anybody knew that it was made.
 */
export function nothingToDo(
  result: Result,
  { guards }: Pick<ChangeModule<unknown, unknown, Change, Result>, 'guards'>,
  params: unknown,
  place: Workplace,
  context: TaskContext,
): ModuleOutcome {
  const begun = place.past?.takeBegun(place.turn, madeFrom(params, place));
  if (begun === undefined) return { status: 'ok', result };
  if (guards === true && begun.isHalf) context.warn(leftHalf(begun, context.runId));
  const { summary } = begun.intent.change;
  if (place.tries !== undefined) place.tries.begun = summary;
  return changed(result, summary, place);
}

/** In a check nothing is left to be changed. */
function changed(result: Result, summary: string, { predictions }: Workplace): ModuleOutcome {
  return predictions === undefined
    ? { status: 'changed', result, summary }
    : { status: 'ok', changedBefore: true, result, summary };
}

function madeFrom(params: unknown, { host, defaults: { user, env } }: Workplace): MadeFrom {
  return { host, params, user, env };
}
