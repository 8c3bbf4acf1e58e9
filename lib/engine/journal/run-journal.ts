import { asPitrError, type PitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import type { Result } from '../../contract/module.ts';
import type { HostIdentity } from '../../system/core/host-identity.ts';
import type { TaskStatus } from '../events/events.ts';
import type { ChangeJournal } from '../task/change-journal.ts';
import type { JudgedItem, TaskTurn } from './records.ts';
import type { JournalWriter } from './writer.ts';

/** What a run writes down as it goes. */
export interface RunJournal extends ChangeJournal {
  /** How a task ended on a host. */
  result(
    entry: Omit<TaskTurn, 'item' | 'value'> & {
      readonly module: string;
      readonly status: TaskStatus;
      readonly result: Result;
      readonly ignored?: true | undefined;
      readonly error?: PitrError | undefined;
      readonly judged?: readonly JudgedItem[] | undefined;
      readonly notified?: readonly string[] | undefined;
    },
  ): void;
  /** The change that was intended is not made: its host was not touched. */
  notBegun(number: number, error: unknown): Promise<void>;
  /** Which machine a host is. */
  met(host: string, machine: HostIdentity): void;
  rescued(host: string): void;
  left(host: string): void;
}

/**
 * Writes changes into a run's journal, secrets masked: intents durably, their ends where no killed process loses them,
 * results of tasks with the next of them. `next` is the
 * number of the next change.
 */
export function runJournal(writer: JournalWriter, masker: Masker, next = 1): RunJournal {
  let number = next;
  return {
    intend: async ({
      host,
      turn,
      module,
      modules,
      params,
      change,
      user,
      env,
      effects,
      elsewhere,
      undoable,
    }) => {
      const own = number++;
      const masked = masker.data({ params, change, effects, env });
      const { value, ...step } = turn;
      await writer.durable({
        type: 'change.intended',
        time: Date.now(),
        number: own,
        host,
        step: value === undefined ? step : { ...step, value: masker.data(value) },
        module,
        ...(modules === undefined ? {} : { modules }),
        ...masked,
        user,
        ...(elsewhere.length === 0 ? {} : { elsewhere }),
        undoable,
      });
      return own;
    },
    done: (done, result) =>
      writer.written({ type: 'change.done', time: Date.now(), number: done, result: masker.data(result) }),
    failed: (failed, error) =>
      writer.written({
        type: 'change.failed',
        time: Date.now(),
        number: failed,
        error: masker.data(asPitrError(error).toJSON()),
      }),
    notBegun: (not, error) =>
      writer.durable({
        type: 'change.failed',
        time: Date.now(),
        number: not,
        error: masker.data(asPitrError(error).toJSON()),
        notBegun: true,
      }),
    result: ({ result, error, judged, notified, ...rest }) =>
      writer.append({
        type: 'task.result',
        time: Date.now(),
        ...rest,
        result: masker.data(result),
        ...(error === undefined ? {} : { error: masker.data(error.toJSON()) }),
        ...(judged === undefined ? {} : { judged: masker.data(judged) }),
        ...(notified === undefined ? {} : { notified: masker.data(notified) }),
      }),
    met: (host, machine) => writer.append({ type: 'host.met', time: Date.now(), host, machine }),
    rescued: (host) => writer.append({ type: 'host.rescued', time: Date.now(), host }),
    left: (host) => writer.append({ type: 'host.left', time: Date.now(), host }),
  };
}
