import { PitrError } from '../../base/errors/pitr-error.ts';
import type { TaskJob, TaskOutcome } from '../task/task-job.ts';
import { mustBeFoundAnew } from './masked.ts';

/**
 * How a task ended on a host before the run was resumed; nothing where it has to run.
 */
export function pastOutcome({ run, task, module, turns }: TaskJob, host: string): TaskOutcome | undefined {
  const found = run.past?.result({ task: task.id, turn: turns.get(host) ?? 1, host });
  if (found === undefined || mustBeFoundAnew(found.result, module.kind)) return undefined;
  const { status, result, error } = found;
  return { status, result, error: error === undefined ? undefined : new PitrError(error) };
}
