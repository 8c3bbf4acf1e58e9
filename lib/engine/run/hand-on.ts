import { Unknown } from '../../base/values/unknown.ts';
import { shownOutcome } from '../task/no-log.ts';
import { failure, registered, type TaskJob, type TaskOutcome } from '../task/task-job.ts';
import { playScope, setFacts } from '../task/variables.ts';
import { handlersNamed } from './handlers-named.ts';

/**
 * Hands an outcome on to the hosts that it is for: what `register` and facts keep, and the handlers that are notified. Gives
 * the outcome; where a name under `notify` leads to no handler it has failed, whatever it changed.
 */
export function handOn(
  job: TaskJob,
  at: string,
  outcome: TaskOutcome,
  receivers: readonly string[],
): TaskOutcome {
  for (const receiver of receivers) remember(job, receiver, outcome);
  const isSure = outcome.status === 'changed' || outcome.changedBefore === true;
  const isOpen = outcome.status === 'unknown' && mayChange(job);
  if (!isSure && !isOpen) return outcome;
  try {
    for (const receiver of receivers) notify(job, receiver, isSure ? 'notified' : 'maybeNotified');
    return outcome;
  } catch (thrown) {
    const failed = shownOutcome(job, {
      ...outcome,
      ...failure(thrown, job, at),
      result: outcome.result,
    });
    for (const receiver of receivers) remember(job, receiver, failed);
    return failed;
  }
}

/** Whether a run may take for changed what a check or a dry run leaves open. */
function mayChange({ run: { mode, statedMode }, task, module }: TaskJob): boolean {
  // What is gone through before a run is no plan, and tells nothing.
  if (mode === 'run' || mode !== statedMode) return false;
  return task.changedWhen?.every(({ value }) => value !== false) ?? module.kind === 'change';
}

function remember({ run, task }: TaskJob, host: string, outcome: TaskOutcome): void {
  setFacts(run, host, outcome.result);
  if (task.register !== undefined)
    run.facts.get(host)?.set(task.register, registered(outcome, task.name.value));
}

function notify({ run, vars, task, ref }: TaskJob, host: string, how: 'notified' | 'maybeNotified'): void {
  for (const wanted of task.notify) {
    const name = playScope(run, vars, host).renderLocated(wanted);
    if (name instanceof Unknown && run.mode !== 'run') {
      const text = `which handler is notified is not known before the run: ${name.why}`;
      run.emit({ type: 'warning', time: Date.now(), text, host, task: ref });
      continue;
    }
    const handlers = handlersNamed(String(name), vars.play, wanted.at);
    const notified = run[how].get(host) ?? new Map<string, string>();
    for (const handler of handlers) notified.set(handler.id, handler.name.value);
    run[how].set(host, notified);
  }
}
