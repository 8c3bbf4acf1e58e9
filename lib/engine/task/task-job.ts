import { asPitrError, type PitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import { isSecretName } from '../../base/values/secret-names.ts';
import { findUnknown, Unknown, UnknownReached } from '../../base/values/unknown.ts';
import type { AnyModule, Diff, Result } from '../../contract/module.ts';
import type { Task } from '../../language/playbook/model.ts';
import type { TaskRef, TaskStatus } from '../events/events.ts';
import type { RunState } from '../run/run-state.ts';
import { dataLayer, type Scope } from './scope.ts';
import type { PlayBatch } from './variables.ts';

/** How a task (or one item of its loop) ended on a host. */
export interface TaskOutcome {
  readonly status: TaskStatus;
  readonly result: Result;
  readonly summary?: string | undefined;
  readonly diff?: readonly Diff[] | undefined;
  readonly message?: string | undefined;
  readonly error?: PitrError | undefined;
  /** The host that did the work, where it was another one. */
  readonly delegatedTo?: string | undefined;
  /** In a check that shows `ok`: the run has made the change before, so what hangs on it takes it for changed. */
  readonly changedBefore?: true | undefined;
  /** In a check: the change was not made. Where its result is open, so is whether it ends well. */
  readonly foreseen?: true | undefined;
  /** The failure was ignored, when the task ran before the run was resumed. */
  readonly ignored?: true | undefined;
  /** What it has notified by names that variables make: a resumed run may not know these any more. */
  readonly notified?: readonly string[] | undefined;
}

/** A task with what the play and the run know around it. */
export interface TaskJob {
  readonly run: RunState;
  readonly vars: PlayBatch;
  readonly task: Task;
  readonly ref: TaskRef;
  readonly module: AnyModule;
  /** By host: the how manieth time it is that the task runs there. */
  readonly turns: ReadonlyMap<string, number>;
}

/** How the readers of events are told which task it is; `name` is rendered. */
export function refTo({ id, module, at, stage }: Task, name: string): TaskRef {
  return { id, name, module, at, ...(stage === undefined ? {} : { stage }) };
}

/** Learns the secrets of a result: what has the name of one, and what a task printed or read whose `register` has. */
export function learnResult(masker: Masker, { register }: Task, result: Result): void {
  masker.learnRendered(result);
  if (register === undefined || !isSecretName(register)) return;
  const { stdout, stderr, content, rows } = result;
  masker.learnRendered({ [register]: [stdout, stderr, content, rows] });
}

/** `result`, and the name under `register`, as `until`, `changed_when` and `failed_when` see them. */
export function withResult(scope: Scope, job: Judging, outcome: TaskOutcome): Scope {
  const value = registered(outcome, job);
  const { register } = job.task;
  return scope.with(dataLayer({ result: value, ...(register === undefined ? {} : { [register]: value }) }));
}

type Judging = Pick<TaskJob, 'task' | 'module'>;

/** What `register` stores. What check mode cannot know is `Unknown`, whole or in part. */
export function registered(
  outcome: TaskOutcome,
  job: Judging,
  taskName: string = job.task.name.value,
): unknown {
  const { status, result, error } = outcome;
  const isOpen = status === 'unknown';
  const holdsUnknown = findUnknown(result) !== undefined;
  if (isOpen && !holdsUnknown) return new Unknown(`the result of "${taskName}"`);
  const failed = status === 'failed' || status === 'unreachable';
  // Whatever its task makes of it: with `changed_when: false` it is `ok`.
  const endIsOpen = isOpen || (outcome.foreseen === true && holdsUnknown);
  return {
    ...result,
    changed:
      isOpen && mayCountAsChange(job)
        ? new Unknown(`whether "${taskName}" changes something`)
        : status === 'changed' || outcome.changedBefore === true,
    failed: !failed && endIsOpen ? new Unknown(`whether "${taskName}" fails`) : failed,
    skipped: status === 'skipped',
    ...(error === undefined ? {} : { error: error.toJSON(), msg: error.message }),
  };
}

/** Whether a task may say `changed` at all: one that only looks does so where its `changed_when` lets it. */
export function mayCountAsChange({ task, module }: Pick<TaskJob, 'task' | 'module'>): boolean {
  return task.changedWhen?.every(({ value }) => value !== false) ?? module.kind === 'change';
}

export function failure(
  thrown: unknown,
  { task, ref }: Pick<TaskJob, 'task' | 'ref'>,
  host: string,
): TaskOutcome {
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

export function notKnown(why: string): string {
  return `not known before the run: ${why}`;
}
