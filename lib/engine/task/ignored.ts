import { asPitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { allTrue } from './conditions.ts';
import { isLeftAtWork } from './left-at-work.ts';
import { dataLayer, type Scope } from './scope.ts';
import { registered, type TaskJob, type TaskOutcome } from './task-job.ts';
import { taskScope } from './variables.ts';

/**
 * Lets a failure pass where `ignore_errors` says so (a lost host is no error of the task, and does not; nor may anything
 * go on beside what was left at work); in a loop, each item that failed has to be let pass. A condition that
 * cannot be evaluated lets nothing pass, and the failure says that, too: neither hides the other.
 */
export function ignorable(
  job: TaskJob,
  host: string,
  outcome: TaskOutcome,
): { readonly outcome: TaskOutcome; readonly ignored: boolean } {
  const { ignoreErrors, noLog } = job.task;
  const { error } = outcome;
  if (
    error === undefined ||
    error.kind === 'interrupted' ||
    isLeftAtWork(error) ||
    ignoreErrors === undefined ||
    outcome.status !== 'failed'
  )
    return { outcome, ignored: false };
  let why: string;
  try {
    const values = failedScopes(job, host, outcome).map((scope) => allTrue([ignoreErrors], scope));
    const unknown = values.find((value) => value instanceof Unknown);
    if (unknown === undefined) return { outcome, ignored: values.every((value) => value === true) };
    why = unknown.why;
  } catch (thrown) {
    why = asPitrError(thrown).message;
  }
  const told = `"ignore_errors" could not be evaluated, so the failure counts${noLog ? '' : `: ${why}`}`;
  return { outcome: { ...outcome, error: error.with({ details: [told] }) }, ignored: false };
}

/** What the condition sees, for each failure: the result under `result` and `register`, and the item. */
function failedScopes(job: TaskJob, host: string, outcome: TaskOutcome): readonly Scope[] {
  const { run, vars, task } = job;
  const seen = (result: unknown, loop: Readonly<Record<string, unknown>>): Scope =>
    taskScope(run, vars, host, task, loop).with(
      dataLayer({ result, ...(task.register === undefined ? {} : { [task.register]: result }) }),
    );
  const { results } = outcome.result;
  // A loop that failed before its first item has none.
  if (task.loop === undefined || !Array.isArray(results)) return [seen(registered(outcome, job), {})];
  const { loopVar, indexVar } = task.loopControl;
  return results.flatMap((result, index) =>
    result?.failed === true
      ? seen(result, {
          [loopVar]: result[loopVar],
          ...(indexVar === undefined ? {} : { [indexVar]: index }),
        })
      : [],
  );
}
