import type { Change, Result } from '../contract/module.ts';
import type { PitrErrorJson } from '../errors/pitr-error.ts';
import type { Recap } from '../events/events.ts';

/** Format of the journal's lines; raised when an older pitr could misread them. */
export const JOURNAL_VERSION = 1;

/**
 * One line of a run's journal. A change is in it twice: `change.intended` is on disk before the host is touched, and
 * `change.done` or `change.failed` after. An intent with neither is a change that may be half made.
 */
export type JournalRecord =
  | {
      readonly type: 'run.started';
      readonly version: number;
      readonly time: number;
      readonly runId: string;
      readonly playbook: string;
      readonly inventories: readonly string[];
      readonly limit?: string | undefined;
      readonly extraVars: Readonly<Record<string, unknown>>;
      /** Who ran it, and where: `root@backup1`, pid. */
      readonly operator: string;
      readonly pid: number;
    }
  | { readonly type: 'task.started'; readonly time: number; readonly task: string; readonly name: string }
  | {
      readonly type: 'change.intended';
      readonly time: number;
      readonly number: number;
      readonly host: string;
      readonly module: string;
      readonly params: unknown;
      readonly change: Change;
      /** True, or the reason why it cannot be taken back. */
      readonly undoable: true | string;
    }
  | { readonly type: 'change.done'; readonly time: number; readonly number: number; readonly result: Result }
  | {
      readonly type: 'change.failed';
      readonly time: number;
      readonly number: number;
      readonly error: PitrErrorJson;
    }
  /** `pitr undo` has taken the change back. */
  | { readonly type: 'change.undone'; readonly time: number; readonly number: number }
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
