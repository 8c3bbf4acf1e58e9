import { PitrError } from '../../base/errors/pitr-error.ts';
import { holdsMask } from '../../base/values/secret.ts';
import type { TaskJob, TaskOutcome } from '../task/task-job.ts';

/**
 * How a task ended on a host before the run was resumed; nothing where it has to run. What was looked at and held a
 * secret is looked at again: the journal has its mask.
 */
export function pastOutcome({ run, task, module, turns }: TaskJob, host: string): TaskOutcome | undefined {
  const found = run.past?.result({ task: task.id, turn: turns.get(host) ?? 1, host });
  if (found === undefined || (module.kind !== 'change' && holdsMask(found.result))) return undefined;
  const { status, result, error } = found;
  return { status, result, error: error === undefined ? undefined : new PitrError(error) };
}
