import type { Task } from '../../language/playbook/model.ts';
import { loadModule } from '../../modules/registry.ts';
import { notKnown, refTo, type TaskJob, type TaskOutcome } from '../task/task-job.ts';
import type { PlayBatch } from '../task/variables.ts';
import { handOn } from './hand-on.ts';
import { reportResult } from './report-result.ts';
import type { RunState } from './run-state.ts';

/** In a check: a handler of which nobody knows yet whether it will be notified is told as just that. */
export async function tellOpen(
  run: RunState,
  vars: PlayBatch,
  handler: Task,
  hosts: readonly string[],
): Promise<void> {
  const ref = refTo(handler, handler.name.value);
  const module = await loadModule(handler.module, [vars.play.directory]);
  const job: TaskJob = { run, vars, task: handler, ref, module, turns: new Map() };
  run.emit({ type: 'task.started', time: Date.now(), task: ref, hosts, handler: true });
  for (const host of hosts) {
    const outcome: TaskOutcome = {
      status: 'unknown',
      result: {},
      summary: notKnown('whether it is notified'),
    };
    // It may change what later tasks look at.
    if (module.kind === 'change') run.predictions?.addChange(host, []);
    reportResult(job, host, handOn(job, host, outcome, [host]), 0, false);
  }
  run.emit({ type: 'task.finished', time: Date.now(), task: ref });
}
