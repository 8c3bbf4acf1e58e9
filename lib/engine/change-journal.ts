import { asPitrError } from '../errors/pitr-error.ts';
import type { JournalWriter } from '../journal/writer.ts';
import { MASK, type Masker, SECRET_NAME } from '../values/secret.ts';
import type { ChangeJournal } from './module-run.ts';

/** Writes changes into a run's journal, durably, secrets masked. */
export function changeJournal(writer: JournalWriter, masker: Masker): ChangeJournal {
  let next = 1;
  return {
    intend: async ({ host, module, params, change, user, env, undoable }) => {
      const number = next++;
      const masked = masker.data({ params, change, env: env === undefined ? undefined : environment(env) });
      await writer.durable({
        type: 'change.intended',
        time: Date.now(),
        number,
        host,
        module,
        ...masked,
        user,
        undoable,
      });
      return number;
    },
    done: (number, result) =>
      writer.durable({ type: 'change.done', time: Date.now(), number, result: masker.data(result) }),
    failed: (number, error) =>
      writer.durable({
        type: 'change.failed',
        time: Date.now(),
        number,
        error: masker.data(asPitrError(error).toJSON()),
      }),
  };
}

function environment(env: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(env).map(([name, value]) => [name, SECRET_NAME.test(name) ? MASK : value]),
  );
}
