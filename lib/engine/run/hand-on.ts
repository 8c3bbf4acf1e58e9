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
  if (outcome.status !== 'changed') return outcome;
  try {
    for (const receiver of receivers) notify(job, receiver);
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

function remember({ run, task }: TaskJob, host: string, outcome: TaskOutcome): void {
  setFacts(run, host, outcome.result);
  if (task.register !== undefined)
    run.facts.get(host)?.set(task.register, registered(outcome, task.name.value));
}

function notify({ run, vars, task }: TaskJob, host: string): void {
  for (const wanted of task.notify) {
    const name = String(playScope(run, vars, host).renderLocated(wanted));
    const handlers = handlersNamed(name, vars.play, wanted.at);
    const notified = run.notified.get(host) ?? new Map<string, string>();
    for (const handler of handlers) notified.set(handler.id, handler.name.value);
    run.notified.set(host, notified);
  }
}
