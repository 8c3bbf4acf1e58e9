import { PitrError } from '../../base/errors/pitr-error.ts';
import type { TaskJob, TaskOutcome } from '../task/task-job.ts';
import { unmaskedResult } from './masked.ts';

/**
 * How a task ended on a host before the run was resumed; nothing where it has to run.
 */
export function pastOutcome({ run, task, module, turns }: TaskJob, host: string): TaskOutcome | undefined {
  const found = run.past?.result({ task: task.id, turn: turns.get(host) ?? 1, host });
  const result = found === undefined ? undefined : unmaskedResult(found.result, module.kind);
  if (found === undefined || result === undefined) return undefined;
  const { status, error, ignored } = found;
  return { status, result, error: error === undefined ? undefined : new PitrError(error), ignored };
}
