import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import { cut } from '../../base/values/cut.ts';
import { Unknown, UnknownReached } from '../../base/values/unknown.ts';
import type { Result } from '../../contract/module.ts';
import type { Task } from '../../language/playbook/model.ts';
import { folderOfModule } from '../../modules/registry.ts';
import { describeDryRun } from '../run/dry-run.ts';
import type { RunState } from '../run/run-state.ts';
import { commandLineWatch } from './command-line-watch.ts';
import { allTrue } from './conditions.ts';
import { isLeftAtWork } from './left-at-work.ts';
import { runModule } from './module-run.ts';
import { quiet, unlogged } from './no-log.ts';
import type { Scope } from './scope.ts';
import { taskContext } from './task-context.ts';
import { learnResult, notKnown, type TaskJob, type TaskOutcome, withResult } from './task-job.ts';
import { taskParams } from './task-params.ts';
import { delegatedScope } from './variables.ts';
import type { ModuleOutcome, Tries, Workplace } from './workplace.ts';

/** One try: params, module, `changed_when`, `failed_when`. */
export async function attempt(
  job: TaskJob,
  host: string,
  scope: Scope,
  item?: number,
  tries?: Tries,
): Promise<TaskOutcome> {
  const { run, vars, task, ref, module } = job;
  const delegate = task.delegateTo === undefined ? undefined : scope.renderLocated(task.delegateTo);
  if (delegate instanceof Unknown) return { status: 'unknown', result: {}, summary: delegate.why };
  const target = delegate === undefined ? host : delegateName(String(delegate), run, task);
  const workScope = target === host ? scope : delegatedScope(run, vars, target, task, scope);
  const prepared = taskParams(job, scope, workScope);
  const watch = commandLineWatch(job, host);
  if (module.kind === 'change' && 'params' in prepared) watch(module.commandLine?.(prepared.params) ?? []);
  if (run.mode === 'dry-run' && module.kind !== 'control') {
    run.wouldUse?.(target);
    return describeDryRun(job, 'unknown' in prepared ? prepared.written : prepared.params, target);
  }
  if ('unknown' in prepared)
    return { status: 'unknown', result: {}, summary: notKnown(prepared.unknown.why) };
  run.emit({ type: 'host.started', time: Date.now(), task: ref, host });

  const value = item === undefined ? undefined : scope.get(task.loopControl.loopVar);
  const { context, defaults, release } = taskContext(job, host, scope, workScope);
  const place: Workplace = {
    host: target,
    turn: { task: task.id, turn: job.turns.get(host) ?? 1, host, item, value },
    past: run.past,
    tries,
    dryRun: run.mode === 'dry-run',
    peers: run.connection,
    defaults: { ...defaults, watch },
    predictions: run.predictions,
    modules: folderOfModule(task.module, [job.vars.play.directory]),
    accepts: (error) => release.timedOut() === undefined && accepted(error, job, scope),
    learn: (result) => learnResult(run.masker, task, result),
    journal: task.noLog && run.journal !== undefined ? unlogged(run.journal) : run.journal,
  };
  try {
    let outcome: ModuleOutcome;
    try {
      outcome = await runModule(
        task.module,
        module,
        prepared.params,
        place,
        task.noLog ? quiet(context) : context,
      );
    } catch (thrown) {
      if (thrown instanceof UnknownReached) throw thrown;
      const failed = asPitrError(thrown);
      const error = isLeftAtWork(failed) ? failed : (release.timedOut() ?? failed);
      if (task.failedWhen === undefined || error.result === undefined || brokenOff(error)) throw error;
      outcome = { status: module.kind === 'change' ? 'changed' : 'ok', result: error.result };
    }
    return { ...judged(outcome, job, scope), ...(target === host ? {} : { delegatedTo: target }) };
  } finally {
    release();
  }
}

function delegateName(name: string, run: RunState, task: Task): string {
  if (run.inventory.hosts.has(name) || name === 'localhost') return name;
  throw new PitrError({
    kind: 'validation',
    code: 'host-unknown',
    message: `"delegate_to" names "${name}", which is not in the inventory`,
    at: task.delegateTo?.at,
  });
}

function judged(outcome: ModuleOutcome, job: TaskJob, scope: Scope): TaskOutcome {
  const { task, run } = job;
  const { judgedBefore, ...shownAs } = outcome;
  const shown: TaskOutcome = { ...shownAs, message: messageOf(outcome.result) };
  const after = withResult(scope, job, shown);
  let { status, changedBefore } = outcome;
  if (task.changedWhen !== undefined && status !== 'unknown') {
    const told = allTrue(task.changedWhen, after);
    const changed = told instanceof Unknown ? (judgedBefore?.changed ?? told) : told;
    if (changed instanceof Unknown) status = 'unknown';
    else if (changedBefore) changedBefore = changed || undefined;
    else status = changed ? 'changed' : 'ok';
  }
  if (task.failedWhen !== undefined && status !== 'unknown') {
    const failed = allTrue(task.failedWhen, after);
    // A run that goes on does not have what its journal masks: it must not take that for a success.
    if (failed instanceof Unknown && run.mode === 'run' && judgedBefore === undefined) status = 'unknown';
    if (failed === true) {
      throw new PitrError({
        kind: 'failed',
        code: 'failed-when',
        message: `"failed_when" is true: ${task.failedWhen.map(({ value }) => String(value)).join(' && ')}`,
        at: task.failedWhen[0]?.at,
        details: [`result: ${cut(JSON.stringify(outcome.result), 1000)}`],
        result: outcome.result,
      });
    }
  }
  return { ...shown, status, changedBefore };
}

/** A command that did not come to its end has no exit code of its own for `failed_when` to judge. */
function brokenOff({ code }: PitrError): boolean {
  return code === 'command-timed-out';
}

/** Whether `failed_when` lets the result of a change pass that failed by itself. What cannot be told lets nothing pass. */
function accepted(error: PitrError, job: TaskJob, scope: Scope): boolean {
  const { task } = job;
  const { result } = error;
  if (task.failedWhen === undefined || result === undefined || brokenOff(error)) return false;
  try {
    return allTrue(task.failedWhen, withResult(scope, job, { status: 'changed', result })) === false;
  } catch {
    return false;
  }
}

function messageOf(result: Result): string | undefined {
  const { msg } = result;
  if (typeof msg === 'string') return msg;
  if (Array.isArray(msg)) return msg.join('\n');
  return undefined;
}
