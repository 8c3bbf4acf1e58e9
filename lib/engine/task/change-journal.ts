import type { Effect } from '../../contract/effects.ts';
import type { Change, Journalled, Result } from '../../contract/module.ts';
import type { TaskTurn } from '../journal/records.ts';

/** Where changes are written down, before they happen (on the disk) and after. */
export interface ChangeJournal {
  /** Resolves when the intent is on disk; gives the number that `done` and `failed` refer to. */
  intend(entry: {
    readonly host: string;
    readonly turn: TaskTurn;
    readonly module: string;
    /** The folder that a user's module was found in. */
    readonly modules?: string | undefined;
    readonly params: unknown;
    readonly change: Journalled<Change>;
    readonly user: string | undefined;
    readonly env: Readonly<Record<string, string>> | undefined;
    readonly effects: readonly Effect[];
    /** Hosts beside its own that it writes to. */
    readonly elsewhere: readonly string[];
    readonly undoable: true | string;
  }): Promise<number>;
  done(number: number, result: Result): Promise<void>;
  failed(number: number, error: unknown): Promise<void>;
}
