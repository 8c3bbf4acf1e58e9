import type { RunMode } from '../events/events.ts';
import type { JournalledRun } from '../journal/read.ts';
import type { KnownMachines } from './known-machines.ts';

/** What is asked of a run: `pitr play`. */
export interface RunRequest {
  /** Path of the playbook. */
  readonly playbook: string;
  readonly inventories: readonly string[];
  /** `-e`: data as typed, never rendered as templates. */
  readonly extraVars: Readonly<Record<string, unknown>>;
  readonly mode: RunMode;
  readonly limit?: string | undefined;
  readonly tags: readonly string[];
  readonly skipTags: readonly string[];
  readonly forks: number;
  readonly forceHandlers?: boolean | undefined;
  /** `pitr resume`: the run to go on with. */
  readonly resumes?: JournalledRun | undefined;
  /** The machines that it has changed. */
  readonly known?: KnownMachines | undefined;
  /** Which of the `-e` were given to an earlier process of the run, and not to this one. */
  readonly givenBefore?: readonly string[] | undefined;
  /** This process of the run does without its lock; the next one does not, unless that is said again. */
  readonly withoutLock?: boolean | undefined;
}
