import { PitrError } from '../../base/errors/pitr-error.ts';
import type { TaskJob, TaskOutcome } from '../task/task-job.ts';
import { unmaskedNames, unmaskedResult } from './masked.ts';

/**
 * How a task ended on a host before the run was resumed; nothing where it has to run.
 */
export function pastOutcome({ run, task, module, turns }: TaskJob, host: string): TaskOutcome | undefined {
  const found = run.past?.result({ task: task.id, turn: turns.get(host) ?? 1, host });
  const result = found === undefined ? undefined : unmaskedResult(found.result, module.kind);
  if (found === undefined || result === undefined) return undefined;
  const { status, error, ignored, notified } = found;
  return {
    status,
    result,
    error: error === undefined ? undefined : new PitrError(error),
    ignored,
    notified: notified === undefined ? undefined : unmaskedNames(notified),
  };
}

/**
 * The host that a `run_once` task has run on before the run was resumed, whichever hosts are there to choose from now: of
 * the whole batch, the one with its result, else one on which it has changed something already.
 */
export function pastDoer(job: TaskJob): string | undefined {
  const { run, task, turns, vars } = job;
  const done = vars.hosts.find((host) => pastOutcome(job, host) !== undefined);
  if (done !== undefined) return done;
  const made = [...(run.past?.changes() ?? [])].map(({ turn }) => turn);
  return vars.hosts.find((host) =>
    made.some((turn) => turn.host === host && turn.task === task.id && turn.turn === turns.get(host)),
  );
}
