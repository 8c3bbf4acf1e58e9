import type { AnyModule, Result } from '../contract/module.ts';
import { asPitrError, PitrError } from '../errors/pitr-error.ts';
import type { TaskRef, TaskStatus } from '../events/events.ts';
import type { Condition, Task } from '../playbook/model.ts';
import { findUnknown, Unknown, UnknownReached } from '../values/unknown.ts';
import { allTrue } from './conditions.ts';
import { describeDryRun } from './dry-run.ts';
import { type ModuleOutcome, runModule, type Workplace } from './module-run.ts';
import type { RunState } from './run-state.ts';
import { dataLayer, type Scope } from './scope.ts';
import { taskContext } from './task-context.ts';
import { taskParams } from './task-params.ts';
import { type PlayVars, playScope, taskScope } from './variables.ts';

/** How a task (or one item of its loop) ended on a host. */
export interface TaskOutcome {
  readonly status: TaskStatus;
  readonly result: Result;
  readonly summary?: string | undefined;
  readonly diff?: ModuleOutcome['diff'];
  readonly message?: string | undefined;
  readonly error?: PitrError | undefined;
  /** The host that did the work, where it was another one. */
  readonly delegatedTo?: string | undefined;
}

/** A task with what the play and the run know around it. */
export interface TaskJob {
  readonly run: RunState;
  readonly vars: PlayVars;
  readonly task: Task;
  readonly ref: TaskRef;
  readonly module: AnyModule;
}

const DEFAULT_RETRIES = 3;
const DEFAULT_DELAY_SECONDS = 5;

/** Runs a task on one host, with its conditions, loop and retries. Never throws: failures are outcomes. */
export async function runTask(job: TaskJob, host: string): Promise<TaskOutcome> {
  try {
    const { run, vars, task } = job;
    const scope = taskScope(run, vars, host, task);
    if (task.loop === undefined) return await runItem(job, host, scope);
    // A condition that does not need the item is decided before the loop is looked at.
    const early = withoutItem(task.when, task.loopControl.loopVar, scope);
    if (early === false) return { status: 'skipped', result: { skipped: true } };
    const items = scope.renderLocated(task.loop);
    if (items instanceof Unknown) return { status: 'unknown', result: {}, summary: items.why };
    return await runLoop(job, host, loopItems(items, task));
  } catch (thrown) {
    return failure(thrown, job, host);
  }
}

function withoutItem(when: readonly Condition[], loopVar: string, scope: Scope): boolean | Unknown {
  const early = when.filter(
    ({ value }) => typeof value === 'boolean' || !new RegExp(`\\b${loopVar}\\b`).test(value),
  );
  return allTrue(early, scope);
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
  const { loopVar, indexVar, label } = task.loopControl;
  const outcomes: TaskOutcome[] = [];
  for (const [index, item] of items.entries()) {
    const loop = { [loopVar]: item, ...(indexVar === undefined ? {} : { [indexVar]: index }) };
    const scope = taskScope(run, vars, host, task, loop);
    const outcome = await runItem(job, host, scope).catch((thrown: unknown) => failure(thrown, job, host));
    outcomes.push({ ...outcome, result: { ...outcome.result, [loopVar]: item } });
    const name = label === undefined ? itemName(item) : String(scope.renderLocated(label));
    run.emit({
      type: 'host.item',
      time: Date.now(),
      task: ref,
      host,
      item: run.masker.text(name),
      status: outcome.status,
      ...(outcome.summary === undefined ? {} : { summary: run.masker.text(outcome.summary) }),
      ...(outcome.error === undefined ? {} : { error: run.masker.data(outcome.error.toJSON()) }),
    });
    if (outcome.error?.kind === 'unreachable' || outcome.error?.kind === 'interrupted') break;
  }
  return {
    status: combined(outcomes.map((outcome) => outcome.status)),
    result: { results: outcomes.map((outcome) => registered(outcome, ref.name)) },
    summary: outcomes.flatMap((outcome) => outcome.summary ?? []).join('; ') || undefined,
    diff: outcomes.flatMap((outcome) => outcome.diff ?? []),
    message: outcomes.flatMap((outcome) => outcome.message ?? []).join('\n') || undefined,
    error: outcomes.find((outcome) => outcome.error !== undefined)?.error,
  };
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

async function runItem(job: TaskJob, host: string, scope: Scope): Promise<TaskOutcome> {
  const { task } = job;
  const go = allTrue(task.when, scope);
  if (go === false) return { status: 'skipped', result: { skipped: true } };
  if (go instanceof Unknown)
    return { status: 'unknown', result: {}, summary: `"when" is ${notKnown(go.why)}` };
  if (task.until.length === 0) return attempt(job, host, scope);
  return retried(job, host, scope);
}

async function retried(job: TaskJob, host: string, scope: Scope): Promise<TaskOutcome> {
  const { run, task, ref } = job;
  const retries = numberOf(task.retries, DEFAULT_RETRIES, scope);
  const delayMs = numberOf(task.delay, DEFAULT_DELAY_SECONDS, scope) * 1000;
  for (let tries = 1; ; tries++) {
    const outcome = await attempt(job, host, scope).catch((thrown: unknown) => failure(thrown, job, host));
    if (outcome.error?.kind === 'interrupted' || outcome.status === 'unknown') return outcome;
    const enough = outcome.error === undefined && allTrue(task.until, withResult(scope, task, outcome));
    if (enough === true || enough instanceof Unknown) return outcome;
    const why =
      outcome.error?.message ??
      `not yet: ${task.until.map((condition) => String(condition.value)).join(' && ')}`;
    if (tries > retries) {
      if (outcome.error !== undefined) return outcome;
      throw new PitrError({
        kind: 'failed',
        code: 'until-never-true',
        message: `"until" was still false after ${tries} tries`,
        details: [why, `last result: ${JSON.stringify(outcome.result).slice(0, 500)}`],
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
      why: run.masker.text(why),
    });
    await pause(delayMs, run.signal);
  }
}

function numberOf(located: Task['retries'], fallback: number, scope: Scope): number {
  if (located === undefined) return fallback;
  const value = Number(scope.renderLocated(located));
  if (Number.isFinite(value) && value >= 0) return value;
  throw new PitrError({
    kind: 'validation',
    code: 'not-a-number',
    message: `a number is needed here, not "${String(located.value)}"`,
    at: located.at,
  });
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  const { setTimeout } = await import('node:timers/promises');
  await setTimeout(ms, undefined, { signal }).catch(() => {
    throw new PitrError({
      kind: 'interrupted',
      code: 'interrupted',
      message: 'stopped while waiting for the next try',
    });
  });
}

/** One try: params, module, `changed_when`, `failed_when`. */
async function attempt(job: TaskJob, host: string, scope: Scope): Promise<TaskOutcome> {
  const { run, vars, task, ref, module } = job;
  const delegate = task.delegateTo === undefined ? undefined : scope.renderLocated(task.delegateTo);
  if (delegate instanceof Unknown) return { status: 'unknown', result: {}, summary: delegate.why };
  const target = delegate === undefined ? host : delegateName(String(delegate), run, task);
  const prepared = taskParams(
    vars.play,
    task,
    module,
    scope,
    target === host ? scope : playScope(run, vars, target),
    run.masker,
  );
  if (run.mode === 'dry-run' && module.kind !== 'control') {
    return describeDryRun(job, 'unknown' in prepared ? prepared.written : prepared.params, target);
  }
  if ('unknown' in prepared)
    return { status: 'unknown', result: {}, summary: notKnown(prepared.unknown.why) };
  run.emit({ type: 'host.started', time: Date.now(), task: ref, host });

  const { context, defaults, release } = taskContext(job, host, scope);
  const place: Workplace = {
    host: target,
    dryRun: run.mode === 'dry-run',
    peers: run.connection,
    defaults,
    predictions: run.predictions,
    journal: run.journal,
  };
  try {
    let outcome: ModuleOutcome;
    try {
      outcome = await runModule(task.module, module, prepared.params, place, context);
    } catch (thrown) {
      const error = release.timedOut() ?? asPitrError(thrown);
      if (task.failedWhen === undefined || error.result === undefined) throw error;
      outcome = { status: 'changed', result: error.result };
    }
    return { ...judged(outcome, task, scope), ...(target === host ? {} : { delegatedTo: target }) };
  } finally {
    release();
  }
}

function delegateName(name: string, run: RunState, task: Task): string {
  if (run.inventory.hosts.has(name) || name === 'localhost') return name;
  throw new PitrError({
    kind: 'validation',
    code: 'unknown-host',
    message: `"delegate_to" names "${name}", which is not in the inventory`,
    at: task.delegateTo?.at,
  });
}

function judged(outcome: ModuleOutcome, task: Task, scope: Scope): TaskOutcome {
  const shown: TaskOutcome = { ...outcome, message: messageOf(outcome.result) };
  const after = withResult(scope, task, shown);
  let { status } = outcome;
  if (task.changedWhen !== undefined && status !== 'unknown') {
    const changed = allTrue(task.changedWhen, after);
    status = changed instanceof Unknown ? 'unknown' : changed ? 'changed' : 'ok';
  }
  if (task.failedWhen !== undefined && status !== 'unknown') {
    const failed = task.failedWhen
      .map((condition) => [condition, allTrue([condition], after)] as const)
      .find(([, value]) => value === true);
    if (failed !== undefined) {
      throw new PitrError({
        kind: 'failed',
        code: 'failed-when',
        message: `"failed_when" is true: ${String(failed[0].value)}`,
        at: failed[0].at,
        details: [`result: ${JSON.stringify(outcome.result).slice(0, 1000)}`],
        result: outcome.result,
      });
    }
  }
  return { ...shown, status };
}

function messageOf(result: Result): string | undefined {
  const { msg } = result;
  if (typeof msg === 'string') return msg;
  if (Array.isArray(msg)) return msg.join('\n');
  return undefined;
}

/** `result`, and the name under `register`, as `until`, `changed_when` and `failed_when` see them. */
function withResult(scope: Scope, task: Task, outcome: TaskOutcome): Scope {
  const value = registered(outcome, task.name.value);
  return scope.with(
    dataLayer({ result: value, ...(task.register === undefined ? {} : { [task.register]: value }) }),
  );
}

/** What `register` stores. What check mode cannot know is `Unknown`, whole or in part. */
export function registered(outcome: TaskOutcome, taskName: string): unknown {
  if (outcome.status === 'unknown' && findUnknown(outcome.result) === undefined) {
    return new Unknown(`the result of "${taskName}"`);
  }
  return {
    ...outcome.result,
    changed: outcome.status === 'changed',
    failed: outcome.status === 'failed' || outcome.status === 'unreachable',
    skipped: outcome.status === 'skipped',
    ...(outcome.error === undefined ? {} : { error: outcome.error.toJSON(), msg: outcome.error.message }),
  };
}

function failure(thrown: unknown, { task, ref }: TaskJob, host: string): TaskOutcome {
  if (thrown instanceof UnknownReached) {
    return { status: 'unknown', result: {}, summary: notKnown(thrown.unknown.why) };
  }
  const error = asPitrError(thrown).with({ host, task: ref.name, at: task.at });
  return {
    status: error.kind === 'unreachable' ? 'unreachable' : 'failed',
    result: error.result ?? {},
    error,
  };
}

function notKnown(why: string): string {
  return `not known before the run: ${why}`;
}
