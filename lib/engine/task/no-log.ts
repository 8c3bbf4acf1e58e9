import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import { MASK } from '../../base/values/secret.ts';
import type { Result, TaskContext } from '../../contract/module.ts';
import type { ChangeJournal } from './change-journal.ts';
import { isLeftAtWork } from './left-at-work.ts';
import type { TaskJob, TaskOutcome } from './task-job.ts';

const HIDDEN = 'not shown: no_log';

/** The journal of a `no_log` task: that it changed something, and nothing of what. */
export function unlogged(journal: ChangeJournal): ChangeJournal {
  return {
    intend: ({ turn, change, undoable, env, ...entry }) =>
      journal.intend({
        ...entry,
        turn: { ...turn, value: undefined },
        params: masked(entry.params),
        change: { ...Object(masked(change)), summary: `${entry.module} (${HIDDEN})` },
        env: env === undefined ? undefined : Object.fromEntries(Object.keys(env).map((name) => [name, MASK])),
        undoable: undoable === true ? 'no_log: true keeps what it did out of the journal' : undoable,
      }),
    done: (number, result) => journal.done(number, maskedResult(result)),
    failed: (number, error) => journal.failed(number, withoutWords(asPitrError(error))),
  };
}

/** What a `no_log` task may tell while it works: that it works. */
export function quiet(context: TaskContext): TaskContext {
  return {
    ...context,
    progress: () => {},
    output: () => {},
    warn: () => context.warn(`the task has a warning (${HIDDEN})`),
  };
}

/** An outcome as it may be shown: of a `no_log` task, that it failed and in which kind, but not its words. */
export function shownOutcome({ task }: Pick<TaskJob, 'task'>, outcome: TaskOutcome): TaskOutcome {
  if (!task.noLog || outcome.error === undefined) return outcome;
  return { ...outcome, error: withoutWords(outcome.error) };
}

/** What may name the command that was at work, with what may be said of it. */
const OF_A_COMMAND: Readonly<Record<string, string>> = {
  'connection-lost': 'the connection ended while it ran',
  'left-at-work': 'the connection was lost in the middle of it, and what it left at work could not be ended',
  interrupted: 'interrupted',
};

/** That a host cannot be reached, or that the operator stopped the run, is no secret of the task. */
function withoutWords(error: PitrError): PitrError {
  if (error.kind === 'unreachable' || error.kind === 'interrupted' || isLeftAtWork(error)) {
    const said = error.kind === 'failed' ? 'a command of it could not be ended' : OF_A_COMMAND[error.code];
    if (said === undefined) return error;
    const { kind, code, host, task, at, next } = error;
    const state = kind === 'interrupted' ? undefined : error.state;
    return new PitrError({ kind, code, message: `${said} (${HIDDEN})`, host, task, at, state, next });
  }
  return new PitrError({
    kind: error.kind,
    code: error.code,
    message: `it failed (${HIDDEN})`,
    host: error.host,
    task: error.task,
    at: error.at,
    next: ['To see why, run it again without no_log, where the output may be seen.'],
  });
}

/**
 * A result as the journal of a `no_log` task has it: whoever goes on with the run sees what is not known any more, and takes
 * it for nothing else. How the items of a loop ended is no secret.
 */
export function maskedResult(result: Result): Result {
  const { results, ...rest } = result;
  if (!Array.isArray(results)) return hidden(result);
  return {
    ...hidden(rest),
    results: results.map((one: unknown) => ({ ...hidden(Object(one)), ...endOf(one) })),
  };
}

function endOf(item: unknown): Result {
  const { changed, failed, skipped } = Object(item);
  return { changed, failed, skipped };
}

function hidden(result: Result): Result {
  return Object.fromEntries(Object.entries(result).map(([key, value]) => [key, masked(value)]));
}

/** The same shape with every value masked. */
function masked(value: unknown): unknown {
  if (value === null || value === undefined) return value;
  if (typeof value !== 'object') return MASK;
  if (Array.isArray(value)) return value.map(masked);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, masked(inner)]));
}
