import { setMaxListeners } from 'node:events';
import { asPitrError, type PitrError } from '../../base/errors/pitr-error.ts';
import type { Holder, HolderEnding } from '../../contract/module.ts';
import type { RunJournal } from '../journal/run-journal.ts';

export type EndStatus = 'ok' | 'failed' | 'interrupted' | 'partly undone';

/**
 * What a run (or an undo) keeps until it ends: it is proved before every change, and what is lost stops the run. One
 * for each process that is at work on a run.
 */
export class HeldLocks {
  readonly #holders = new Map<string, { readonly holder: Holder; changes: number }>();
  readonly #stop = new AbortController();
  #lost: PitrError | undefined;

  /** The signal, that is also aborted, with the reason, when something is lost. */
  with(signal: AbortSignal): AbortSignal {
    const joined = AbortSignal.any([signal, this.#stop.signal]);
    // Every command at work on any host listens to it.
    setMaxListeners(0, joined);
    return joined;
  }

  /** Why the run had to stop. It explains whatever failed after it: commands that were ended, above all. */
  get lost(): PitrError | undefined {
    return this.#lost;
  }

  readonly hold = (holder: Holder): void => {
    this.#holders.set(holder.name, { holder, changes: 0 });
    void holder.lost.then((error) => this.#lose(error));
  };

  readonly held = (name: string): Holder | undefined => this.#holders.get(name)?.holder;

  /** A change begins: from now on whoever finds the lock is to know that something may be left. Throws as `prove` does. */
  async beginChange(): Promise<void> {
    await this.prove();
    for (const kept of this.#holders.values()) kept.changes += 1;
  }

  /** The change that had begun was refused by its own safety check: nothing of it is left. */
  changeRefused(): void {
    for (const kept of this.#holders.values()) kept.changes = Math.max(0, kept.changes - 1);
  }

  /** Throws the reason when something is lost. */
  async prove(): Promise<void> {
    if (this.#lost !== undefined) throw this.#lost;
    await Promise.all(
      [...this.#holders.values()].map(({ holder }) =>
        holder.prove().catch((thrown: unknown) => {
          const error = asPitrError(thrown);
          this.#lose(error);
          throw error;
        }),
      ),
    );
  }

  /**
   * Lets go of everything, and gives what went wrong with that: a claim that could not be written stays as it is, which
   * is safe, and is to be told.
   */
  async release(status: EndStatus): Promise<readonly PitrError[]> {
    const all = [...this.#holders.values()];
    this.#holders.clear();
    const ends = await Promise.allSettled(
      all.map(({ holder, changes }) => holder.release(endingOf(status, changes))),
    );
    return ends.flatMap((end) => (end.status === 'rejected' ? [asPitrError(end.reason)] : []));
  }

  #lose(error: PitrError): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    this.#stop.abort(error);
  }
}

/**
 * A journal in which no change begins without proof. It is asked for again when the intent is on disk: meanwhile the
 * machine may have been asleep.
 */
export function journalUnderLocks(journal: RunJournal, held: HeldLocks): RunJournal {
  return {
    ...journal,
    intend: async (entry) => {
      await held.beginChange();
      const number = await journal.intend(entry);
      try {
        await held.prove();
      } catch (thrown) {
        held.changeRefused();
        await journal.notBegun(number, thrown);
        throw thrown;
      }
      return number;
    },
    failed: async (number, error) => {
      if (asPitrError(error).kind === 'refused') held.changeRefused();
      await journal.failed(number, error);
    },
  };
}

function endingOf(status: EndStatus, changes: number): HolderEnding {
  if (status === 'ok') return { kind: 'done' };
  return changes === 0 ? { kind: 'unchanged' } : { kind: 'unfinished', how: status };
}
