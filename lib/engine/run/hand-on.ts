import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { shownOutcome } from '../task/no-log.ts';
import { secretOfResult } from '../task/secret-of-result.ts';
import { failure, mayCountAsChange, registered, type TaskJob, type TaskOutcome } from '../task/task-job.ts';
import { setFacts, taskScope } from '../task/variables.ts';
import { handlersNamed } from './handlers-named.ts';

/**
 * Hands an outcome on: what `register` and facts keep to the hosts that it is for, and to the handlers of the host that it is
 * of. Gives the outcome; where a name under `notify` leads to no handler it has failed, whatever it changed.
 */
export function handOn(
  job: TaskJob,
  at: string,
  outcome: TaskOutcome,
  receivers: readonly string[],
): TaskOutcome {
  for (const receiver of receivers) remember(job, receiver, outcome);
  const changes = changesOf(job, outcome).filter(({ isSure }) => isSure || mayChange(job));
  try {
    const notified = new Set(outcome.notified);
    for (const change of changes)
      for (const name of notify(job, at, change, outcome.notified)) notified.add(name);
    return notified.size === 0 ? outcome : { ...outcome, notified: [...notified] };
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

/** What notifies: with a loop each item that has changed something, under its own variables. */
interface Notifying {
  readonly loop: Readonly<Record<string, unknown>>;
  /** Whether it has changed something; else only the run will tell. */
  readonly isSure: boolean;
}

function changesOf({ task }: TaskJob, { status, changedBefore, result }: TaskOutcome): readonly Notifying[] {
  const isSure = status === 'changed' || changedBefore === true;
  if (!isSure && status !== 'unknown') return [];
  if (task.loop === undefined) return [{ loop: {}, isSure }];
  const { loopVar, indexVar } = task.loopControl;
  // Older journals have no items of a `no_log` task: no handler is left out for that.
  const items: readonly unknown[] = Array.isArray(result.results)
    ? result.results
    : [
        {
          changed: isSure || new Unknown('the items of the loop'),
          [loopVar]: new Unknown('the items of the loop'),
        },
      ];
  return items.flatMap((one, index) => {
    const { changed, [loopVar]: item } =
      one instanceof Unknown ? { changed: one, [loopVar]: one } : Object(one);
    if (changed !== true && !(changed instanceof Unknown)) return [];
    const loop = { [loopVar]: item, ...(indexVar === undefined ? {} : { [indexVar]: index }) };
    return [{ loop, isSure: changed === true }];
  });
}

/** Whether a run may take for changed what a check or a dry run leaves open. */
function mayChange(job: TaskJob): boolean {
  const { mode, statedMode } = job.run;
  // What is gone through before a run is no plan, and tells nothing.
  if (mode === 'run' || mode !== statedMode) return false;
  return mayCountAsChange(job);
}

function remember(job: TaskJob, host: string, outcome: TaskOutcome): void {
  const { run, task } = job;
  setFacts(run, host, outcome.result);
  if (task.register !== undefined) run.facts.get(host)?.set(task.register, registered(outcome, job));
}

/**
 * Calls the handlers of one change. Gives the names that variables have made. `before`: what it has called in an earlier
 * process of the run, which stands in for a name that is not known any more.
 */
function notify(
  job: TaskJob,
  host: string,
  { loop, isSure }: Notifying,
  before: readonly string[] | undefined,
): readonly string[] {
  const { run, vars, task, ref } = job;
  const made: string[] = [];
  for (const wanted of task.notify) {
    const name = taskScope(run, vars, host, task, loop).renderLocated(wanted);
    if (!(name instanceof Unknown)) {
      if (isSure && name !== wanted.value) made.push(String(name));
      call(job, host, String(name), isSure, wanted.at);
    } else if (before !== undefined) {
      for (const called of before) call(job, host, called, isSure, wanted.at);
    } else if (run.mode === 'run') {
      throw handlerNotKnown(run, wanted.at);
    } else {
      const text = `which handler is notified is not known before the run: ${name.why}`;
      run.emit({ type: 'warning', time: Date.now(), text, host, task: ref });
    }
  }
  return made;
}

function call({ run, vars }: TaskJob, host: string, name: string, isSure: boolean, at: SourcePosition): void {
  for (const { id, name: handler } of handlersNamed(name, vars.play, at)) {
    // What another one notifies for sure is open no more.
    if (isSure) run.maybeNotified.get(host)?.delete(id);
    else if (run.notified.get(host)?.has(id)) continue;
    const book = isSure ? run.notified : run.maybeNotified;
    const notified = book.get(host) ?? new Map<string, string>();
    notified.set(id, handler.value);
    book.set(host, notified);
  }
}

function handlerNotKnown(run: TaskJob['run'], at: SourcePosition): PitrError {
  const error = secretOfResult(run, at);
  const state = 'the task is done; which handler it notifies is not known any more';
  return new PitrError({ ...error, message: error.message, state });
}
