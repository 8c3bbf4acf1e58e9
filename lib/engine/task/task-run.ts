import { PitrError } from '../../base/errors/pitr-error.ts';
import { cut } from '../../base/values/cut.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { rest } from '../../base/wait/until.ts';
import type { Task } from '../../language/playbook/model.ts';
import type { TaskStatus } from '../events/events.ts';
import { allTrue } from './conditions.ts';
import { closeWhereAtWork, isLeftAtWork } from './left-at-work.ts';
import { tellSkippedHalf } from './left-half.ts';
import { shownOutcome } from './no-log.ts';
import { numberOf } from './number-of.ts';
import type { Scope } from './scope.ts';
import { secretOfResult } from './secret-of-result.ts';
import { withInventory } from './shown-commands.ts';
import { attempt } from './task-attempt.ts';
import { failure, notKnown, registered, type TaskJob, type TaskOutcome, withResult } from './task-job.ts';
import { setFacts, taskScope } from './variables.ts';
import type { Tries } from './workplace.ts';

const DEFAULT_RETRIES = 3;
const DEFAULT_DELAY_SECONDS = 5;

/** Runs a task on one host, with its conditions, loop and retries. Never throws: failures are outcomes. */
export async function runTask(job: TaskJob, host: string): Promise<TaskOutcome> {
  const outcome = await outcomeOf(job, host);
  const { error } = outcome;
  const shown = shownOutcome(job, {
    ...outcome,
    error: error === undefined ? undefined : await advised(error, job),
  });
  closeWhereAtWork(job.run.atWork, shown.error);
  return shown;
}

/** With what can be done about it where more is known than the task knows, and on the hosts of the run. */
async function advised(error: PitrError, { run }: TaskJob): Promise<PitrError> {
  return withInventory((await run.advise?.(error)) ?? error, run);
}

async function outcomeOf(job: TaskJob, host: string): Promise<TaskOutcome> {
  try {
    const { run, vars, task } = job;
    const scope = taskScope(run, vars, host, task);
    if (task.loop === undefined) return decided(job, host, await runItem(job, host, scope));
    if (falseForEveryItem(job, host)) {
      tellSkippedHalf(job, host);
      return { status: 'skipped', result: { skipped: true } };
    }
    const items = scope.renderLocated(task.loop);
    if (items instanceof Unknown)
      return decided(job, host, { status: 'unknown', result: {}, summary: items.why });
    return await runLoop(job, host, loopItems(items, task));
  } catch (thrown) {
    return decided(job, host, failure(thrown, job, host));
  }
}

/** Only a check leaves open what a task would do. A run that goes on does not have what its journal masks, and says so. */
function decided(job: TaskJob, host: string, outcome: TaskOutcome): TaskOutcome {
  const { run, task } = job;
  if (run.mode !== 'run' || outcome.status !== 'unknown') return outcome;
  const missing = secretOfResult(run, task.at);
  return failure(missing, job, host);
}

/**
 * Whether the conditions are false whatever the item is: then the loop is not looked at, and may name what is not there.
 * What rests on the item, be it by way of a variable, is open here; one that fails without it is asked for each item.
 */
function falseForEveryItem({ run, vars, task }: TaskJob, host: string): boolean {
  const { loopVar, indexVar } = task.loopControl;
  const open = new Unknown('the item of the loop');
  const loop = { [loopVar]: open, ...(indexVar === undefined ? {} : { [indexVar]: open }) };
  const scope = taskScope(run, vars, host, task, loop);
  return task.when.some((condition) => {
    try {
      return allTrue([condition], scope) === false;
    } catch {
      return false;
    }
  });
}

function loopItems(items: unknown, task: Task): readonly unknown[] {
  if (Array.isArray(items)) return items;
  throw new PitrError({
    kind: 'validation',
    code: 'loop-not-a-list',
    message: `"loop" needs a list, and this is ${items === null ? 'null' : typeof items}`,
    at: task.loop?.at ?? task.at,
  });
}

async function runLoop(job: TaskJob, host: string, items: readonly unknown[]): Promise<TaskOutcome> {
  const { run, vars, task, ref } = job;
  const { loopVar, indexVar } = task.loopControl;
  run.masker.learnRendered({ [loopVar]: items });
  const outcomes: TaskOutcome[] = [];
  const facts: Record<string, unknown> = {};
  for (const [index, item] of items.entries()) {
    const loop = { [loopVar]: item, ...(indexVar === undefined ? {} : { [indexVar]: index }) };
    const scope = taskScope(run, vars, host, task, loop);
    const outcome = shownOutcome(
      job,
      decided(
        job,
        host,
        await pauseBefore(job, index)
          .then(() => runItem(job, host, scope, index))
          .catch((thrown: unknown) => failure(thrown, job, host)),
      ),
    );
    outcomes.push({ ...outcome, result: { ...outcome.result, [loopVar]: item } });
    // The next item may rest on what this one has set.
    Object.assign(facts, setFacts(run, host, outcome.result));
    const name = nameOfItem(item, index, task, scope);
    run.emit({
      type: 'host.item',
      time: Date.now(),
      task: ref,
      host,
      item: name,
      status: outcome.status,
      ...(outcome.summary === undefined || task.noLog ? {} : { summary: outcome.summary }),
      ...(outcome.error === undefined ? {} : { error: outcome.error.toJSON() }),
    });
    if (outcome.error?.kind === 'unreachable' || outcome.error?.kind === 'interrupted') break;
    if (isLeftAtWork(outcome.error)) break;
  }
  return {
    status: combined(outcomes.map((outcome) => outcome.status)),
    result: {
      results: outcomes.map((outcome) => registered(outcome, job, ref.name)),
      ...(Object.keys(facts).length === 0 ? {} : { facts }),
    },
    summary: [...new Set(outcomes.flatMap((outcome) => outcome.summary ?? []))].join('; ') || undefined,
    diff: outcomes.flatMap((outcome) => outcome.diff ?? []),
    changedBefore: outcomes.some(({ changedBefore }) => changedBefore) || undefined,
    foreseen: outcomes.some(({ foreseen }) => foreseen) || undefined,
    message: outcomes.flatMap((outcome) => outcome.message ?? []).join('\n') || undefined,
    // One that was lost, or left something at work, decides what may go on, whatever failed before it.
    error: (
      outcomes.find(({ status, error }) => status === 'unreachable' || isLeftAtWork(error)) ??
      outcomes.find(({ error }) => error)
    )?.error,
  };
}

/** `loop_control: pause`. Where nothing is done there is nothing to space out. */
async function pauseBefore({ run, task }: TaskJob, index: number): Promise<void> {
  const { pauseMs } = task.loopControl;
  if (index > 0 && pauseMs !== undefined && run.mode === 'run') await rest(pauseMs, run.signal);
}

/** What its author lets it be called; of a `no_log` task nothing but the place in the loop is shown otherwise. */
function nameOfItem(item: unknown, index: number, { loopControl, noLog }: Task, scope: Scope): string {
  if (loopControl.label !== undefined) return String(scope.renderLocated(loopControl.label));
  return noLog ? `item ${index + 1}` : itemName(item);
}

function itemName(item: unknown): string {
  if (typeof item !== 'object' || item === null) return String(item);
  const name = 'name' in item && typeof item.name === 'string' ? item.name : JSON.stringify(item);
  return name.length > 60 ? `${name.slice(0, 57)}...` : name;
}

function combined(all: readonly TaskStatus[]): TaskStatus {
  for (const status of ['unreachable', 'failed', 'changed', 'unknown', 'ok'] as const)
    if (all.includes(status)) return status;
  return 'skipped';
}

async function runItem(job: TaskJob, host: string, scope: Scope, item?: number): Promise<TaskOutcome> {
  const { task } = job;
  const go = allTrue(task.when, scope);
  if (go === false) {
    tellSkippedHalf(
      job,
      host,
      item === undefined ? {} : { item, value: scope.get(task.loopControl.loopVar) },
    );
    return { status: 'skipped', result: { skipped: true } };
  }
  if (go instanceof Unknown)
    return { status: 'unknown', result: {}, summary: `"when" is ${notKnown(go.why)}` };
  if (task.until.length === 0) return attempt(job, host, scope, item);
  return retried(job, host, scope, item);
}

/**
 * A try that finds all in order says `ok`; the task has changed it where an earlier one has. In a check, which changes nothing,
 * that was the run before it.
 */
function withEarlierTries(outcome: TaskOutcome, { run, task }: TaskJob, { begun }: Tries): TaskOutcome {
  if (outcome.status !== 'ok' || task.changedWhen !== undefined || begun === undefined) return outcome;
  const summary = outcome.summary ?? begun;
  return run.predictions === undefined
    ? { ...outcome, status: 'changed', summary }
    : { ...outcome, changedBefore: true, summary };
}

/** In a check: what it waits for may come of a change that a run would have made before. */
function waitsInVain(
  { run, task, module }: TaskJob,
  host: string,
  scope: Scope,
  { error }: TaskOutcome,
): boolean {
  // A change before makes no host answer, sets no variable, and rights nothing that is written wrong.
  const staysAsItIs = error?.kind === 'unreachable' || error?.kind === 'validation';
  if (run.predictions === undefined || staysAsItIs || module.kind === 'control') return false;
  const delegate = task.delegateTo === undefined ? undefined : scope.renderLocated(task.delegateTo);
  return run.predictions.any(delegate === undefined ? host : String(delegate));
}

async function retried(
  job: TaskJob,
  host: string,
  scope: Scope,
  item: number | undefined,
): Promise<TaskOutcome> {
  const { run, task, ref } = job;
  const retries = numberOf(task.retries, DEFAULT_RETRIES, scope);
  const delayMs = numberOf(task.delay, DEFAULT_DELAY_SECONDS, scope) * 1000;
  const known: Tries = {};
  for (let tries = 1; ; tries++) {
    const outcome = await attempt(job, host, scope, item, known).catch((thrown: unknown) =>
      failure(thrown, job, host),
    );
    if (outcome.error?.kind === 'interrupted' || outcome.status === 'unknown') return outcome;
    if (isLeftAtWork(outcome.error)) return outcome;
    const enough = outcome.error === undefined && allTrue(task.until, withResult(scope, job, outcome));
    if (enough === true || enough instanceof Unknown) return withEarlierTries(outcome, job, known);
    if (waitsInVain(job, host, scope, outcome))
      return { status: 'unknown', result: {}, summary: notKnown('it waits for what was not done') };
    const why =
      outcome.error?.message ??
      `not yet: ${task.until.map((condition) => String(condition.value)).join(' && ')}`;
    if (tries > retries) {
      if (outcome.error !== undefined) return outcome;
      throw new PitrError({
        kind: 'failed',
        code: 'until-never-true',
        message: `"until" was still false after ${tries} tries`,
        details: [why, `last result: ${cut(JSON.stringify(outcome.result), 500)}`],
        at: task.until[0]?.at,
      });
    }
    run.emit({
      type: 'host.retry',
      time: Date.now(),
      task: ref,
      host,
      attempt: tries,
      retries,
      why: task.noLog ? 'not yet' : why,
    });
    await rest(delayMs, run.signal);
  }
}
