import type { PitrError } from '../../base/errors/pitr-error.ts';
import type { Diff, Result } from '../../contract/module.ts';
import type { Predictions } from '../check/predictions.ts';
import type { JudgedWell } from '../journal/judged.ts';
import type { Past } from '../journal/past.ts';
import type { TaskTurn } from '../journal/records.ts';
import type { HostDefaults, Peers } from '../run/live-host.ts';
import type { ChangeJournal } from './change-journal.ts';

/** Where a module works, and how. */
export interface Workplace {
  /** Inventory name of the host that the module works on (`delegate_to` has been applied). */
  readonly host: string;
  /** Where in the run: how a journal knows the change again. */
  readonly turn: TaskTurn;
  readonly past: Past | undefined;
  readonly peers: Peers;
  readonly defaults: HostDefaults;
  /** No host is contacted. */
  readonly dryRun: boolean;
  /** Present in check mode and dry run. */
  readonly predictions: Predictions | undefined;
  readonly journal: ChangeJournal | undefined;
  /** The folder that a user's module was found in. */
  readonly modules?: string | undefined;
  /** What the tries of the task know of each other. */
  readonly tries?: Tries | undefined;
  /** Whether the task takes what its change has failed with for a good end (`failed_when`): then it was made. */
  readonly accepts?: ((error: PitrError) => boolean) | undefined;
  /** Told every plan and every result before it is shown or written down: there may be secrets in it. */
  readonly learn: (result: Result) => void;
}

export interface Tries {
  /** The change, in its words, that one of them has begun. */
  begun?: string | undefined;
}

/** How a module has ended, before its task judges it. */
export interface ModuleOutcome {
  readonly status: 'ok' | 'changed' | 'unknown';
  readonly result: Result;
  readonly summary?: string | undefined;
  readonly diff?: readonly Diff[] | undefined;
  /** In a check that shows `ok`: the run has made the change before, so what hangs on it takes it for changed. */
  readonly changedBefore?: true | undefined;
  /** In a check: the change was not made. Where its result is open, so is whether it ends well. */
  readonly foreseen?: true | undefined;
  /** How the task has judged it before the run was resumed: that stands where it rests on what the journal masks. */
  readonly judgedBefore?: JudgedWell | undefined;
}
