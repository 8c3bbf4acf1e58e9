import { judgedItems } from '../journal/judged.ts';
import { maskedResult } from '../task/no-log.ts';
import type { TaskJob, TaskOutcome } from '../task/task-job.ts';

/** Counts a host's result and tells the readers of it. */
export function reportResult(
  job: Omit<TaskJob, 'module'>,
  host: string,
  outcome: TaskOutcome,
  durationMs: number,
  ignored: boolean,
): void {
  const { run, task, ref } = job;
  const hidden = task.noLog;
  const judged =
    task.loop === undefined ? [] : judgedItems(outcome.result, hidden ? undefined : task.loopControl.loopVar);
  run.journal?.result({
    task: task.id,
    turn: job.turns.get(host) ?? 1,
    host,
    module: task.module,
    status: outcome.status,
    result: hidden ? maskedResult(outcome.result) : outcome.result,
    ...(ignored ? { ignored: true } : {}),
    error: outcome.error,
    ...(judged.length === 0 ? {} : { judged }),
    // A handler's name stands in the playbook: that it was called is no secret of a `no_log` task.
    ...(outcome.notified === undefined ? {} : { notified: outcome.notified }),
  });
  run.recap.count(host, ignored ? 'ignored' : outcome.status);
  if (outcome.status === 'changed') run.recap.count(host, 'ok');
  run.emit({
    type: 'host.result',
    time: Date.now(),
    task: ref,
    host,
    status: outcome.status,
    durationMs: Math.round(durationMs),
    ...(outcome.delegatedTo === undefined ? {} : { delegatedTo: outcome.delegatedTo }),
    ...(outcome.summary === undefined || hidden ? {} : { summary: outcome.summary }),
    ...(outcome.diff === undefined || outcome.diff.length === 0 || hidden ? {} : { diff: outcome.diff }),
    ...(hidden ? { result: { censored: 'no_log' } } : { result: outcome.result }),
    ...(outcome.message === undefined || hidden ? {} : { message: outcome.message }),
    ...(outcome.error === undefined ? {} : { error: outcome.error.toJSON() }),
    ...(ignored ? { ignored: true } : {}),
  });
}
