import { Unknown } from '../../base/values/unknown.ts';
import type { Task } from '../../language/playbook/model.ts';
import { allTrue } from '../task/conditions.ts';
import { failure, notKnown, refTo, type TaskOutcome } from '../task/task-job.ts';
import { type PlayBatch, taskScope } from '../task/variables.ts';
import { reportResult } from './report-result.ts';
import type { RunState } from './run-state.ts';

/**
 * Whether a `meta` is to happen, as far as a host is asked. Where its condition cannot be evaluated the host has failed, as
 * by any task: that is told, counted and written down.
 */
export function metaHolds(
  run: RunState,
  vars: PlayBatch,
  task: Task,
  host: string,
): { readonly holds: boolean; readonly error?: TaskOutcome['error'] } {
  const ref = refTo(task, task.name.value);
  try {
    const holds = allTrue(task.when, taskScope(run, vars, host, task));
    if (holds instanceof Unknown && run.mode !== 'run' && run.mode === run.statedMode) {
      const text = `"${ref.name}" is left out: whether it happens is ${notKnown(holds.why)}`;
      run.emit({ type: 'warning', time: Date.now(), text, host, task: ref });
    }
    return { holds: holds === true };
  } catch (thrown) {
    const outcome = failure(thrown, { task, ref }, host);
    const turns = new Map([[host, run.turns.next(host, task.id)]]);
    run.emit({ type: 'task.started', time: Date.now(), task: ref, hosts: [host], handler: false });
    reportResult({ run, vars, task, ref, turns }, host, outcome, 0, false);
    run.emit({ type: 'task.finished', time: Date.now(), task: ref });
    return { holds: false, error: outcome.error };
  }
}
