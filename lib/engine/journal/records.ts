import type { PitrErrorJson } from '../../base/errors/pitr-error.ts';
import type { Effect } from '../../contract/effects.ts';
import type { Change, Journalled, Result } from '../../contract/module.ts';
import type { HostIdentity } from '../../system/core/host-identity.ts';
import type { Recap, TaskStatus } from '../events/events.ts';
import type { Beginning } from './beginning.ts';

/** Format of the journal's lines; raised when an older pitr could misread them. */
export const JOURNAL_VERSION = 4;

/** Where in a run a change was made: the `turn`th time (from 1) that the task ran on the host. */
export interface TaskTurn {
  readonly task: string;
  readonly turn: number;
  /** The play's host; the change may have been made on another one (`delegate_to`). */
  readonly host: string;
  /** In a loop: the index of its item. */
  readonly item?: number | undefined;
  /** The item itself, secrets masked. Absent in older journals, and of a `no_log` task. */
  readonly value?: unknown;
}

/** An item of a loop that its task judged as failed: its index, and the item itself as `TaskTurn` has it. */
export interface JudgedItem {
  readonly item: number;
  readonly value?: unknown;
}

/**
 * Who goes on with a run whose journal it has read. Nothing keeps two processes from appending, so it is told here what
 * was read: the record counts only where it comes directly after that. See `goOn`.
 */
export interface GoingOn extends Beginning {
  /** Format of what this process writes; absent where it is that of the run, at the most. */
  readonly version?: number | undefined;
  /** How many records it had read; absent before version 3. */
  readonly after?: number | undefined;
  /** Tells it from every other one. */
  readonly token?: string | undefined;
}

/**
 * One line of a run's journal. A change is in it twice: `change.intended` is on disk before the host is touched, and
 * `change.done` or `change.failed` after. An intent with neither is a change that may be half made.
 */
export type JournalRecord =
  | ({
      readonly type: 'run.started';
      readonly version: number;
      readonly runId: string;
      readonly playbook: string;
      /** What it is called among pitr's own playbooks, which lie elsewhere on another machine. Absent in older journals, and for any other. */
      readonly own?: string | undefined;
      /** Absolute, as `playbook` is: an undo may start elsewhere. */
      readonly inventories: readonly string[];
      readonly limit?: string | undefined;
      readonly tags?: readonly string[] | undefined;
      readonly skipTags?: readonly string[] | undefined;
      readonly forceHandlers?: boolean | undefined;
      /** What has the name of a secret is masked. */
      readonly extraVars: Readonly<Record<string, unknown>>;
    } & Beginning)
  /** `pitr resume` goes on with the run, in a process of its own. */
  | ({
      readonly type: 'run.resumed';
      readonly inventories: readonly string[];
      readonly extraVars: Readonly<Record<string, unknown>>;
    } & GoingOn)
  | { readonly type: 'task.started'; readonly time: number; readonly task: string; readonly name: string }
  /** How a task ended on a host. Not flushed by itself: what is lost with the controller is looked at again. */
  | ({
      readonly type: 'task.result';
      readonly time: number;
      readonly module: string;
      readonly status: TaskStatus;
      readonly result: Result;
      readonly ignored?: true | undefined;
      readonly error?: PitrErrorJson | undefined;
      /** The items of its loop that its conditions judged as failed. Absent in older journals, and where there are none. */
      readonly judged?: readonly JudgedItem[] | undefined;
      /** What it has notified by names that variables make. Absent in older journals, and where there are none. */
      readonly notified?: readonly string[] | undefined;
    } & Omit<TaskTurn, 'item' | 'value'>)
  /** Its failure was rescued, or the one for which it was taken out of the play: the host goes on. */
  | { readonly type: 'host.rescued'; readonly time: number; readonly host: string }
  /** It was taken out of the play by the failure of another host. */
  | { readonly type: 'host.left'; readonly time: number; readonly host: string }
  /** The machine that a host is, written down before the first change there: what goes back on the run works on no other. */
  | {
      readonly type: 'host.met';
      readonly time: number;
      readonly host: string;
      readonly machine: HostIdentity;
    }
  | {
      readonly type: 'change.intended';
      readonly time: number;
      readonly number: number;
      readonly host: string;
      /** Called `step` on disk since the first version. */
      readonly step?: TaskTurn | undefined;
      readonly module: string;
      /** The folder that a user's module was found in; absent for one of pitr's own, and in older journals. */
      readonly modules?: string | undefined;
      readonly params: unknown;
      readonly change: Journalled<Change>;
      /** Whom the task became, and its environment: an undo works under the same. */
      readonly user?: string | undefined;
      readonly env?: Readonly<Record<string, string>> | undefined;
      /** What it leaves behind. Absent before version 4, where the next three said a part of it (see `effectsOf`). */
      readonly effects?: readonly Effect[] | undefined;
      readonly everyRun?: true | undefined;
      readonly mayEnd?: string | undefined;
      readonly handsOn?: string | undefined;
      /** Hosts beside its own that it writes to; older journals do not say it. */
      readonly elsewhere?: readonly string[] | undefined;
      /** True, or the reason why it cannot be taken back. */
      readonly undoable: true | string;
    }
  | { readonly type: 'change.done'; readonly time: number; readonly number: number; readonly result: Result }
  | {
      readonly type: 'change.failed';
      readonly time: number;
      readonly number: number;
      readonly error: PitrErrorJson;
      /** The host was not touched: the run was stopped between the intent and its change. */
      readonly notBegun?: true | undefined;
    }
  /** `pitr undo` began; one that died has no `undo.finished`. */
  | ({ readonly type: 'undo.started' } & GoingOn)
  /** `pitr undo` begins to take the change back: from here on nobody can tell what of it stands. */
  | { readonly type: 'change.undoing'; readonly time: number; readonly number: number }
  /** What takes the change back has refused, before it touched anything: the change stands as it stood. */
  | { readonly type: 'change.undo-refused'; readonly time: number; readonly number: number }
  /** `pitr undo` has taken the change back. */
  | { readonly type: 'change.undone'; readonly time: number; readonly number: number }
  | {
      readonly type: 'undo.finished';
      readonly time: number;
      readonly status: 'ok' | 'failed' | 'interrupted';
      readonly error?: PitrErrorJson | undefined;
    }
  /** `pitr commit` lets the old data of the run go: from here on there is nothing to go back to. */
  | ({ readonly type: 'commit.started' } & GoingOn)
  | {
      readonly type: 'commit.finished';
      readonly time: number;
      readonly removed: readonly { readonly host: string; readonly path: string }[];
      /** What was to be removed and was gone already. Absent in older journals. */
      readonly gone?: readonly { readonly host: string; readonly path: string }[] | undefined;
      /** The changes, of all runs of the recovery, whose hold it has let go. Absent in older journals. */
      readonly letGo?: readonly { readonly run: string; readonly number: number }[] | undefined;
      /** It was refused before it removed anything: there is everything to go back to. */
      readonly notBegun?: true | undefined;
      readonly error?: PitrErrorJson | undefined;
    }
  | {
      readonly type: 'handlers.notified';
      readonly time: number;
      readonly host: string;
      readonly handlers: readonly string[];
    }
  | {
      readonly type: 'run.finished';
      readonly time: number;
      readonly status: 'ok' | 'failed' | 'interrupted';
      readonly recap: Readonly<Record<string, Recap>>;
      readonly error?: PitrErrorJson | undefined;
    };
