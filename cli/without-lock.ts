import type { JournalledRun } from '../lib/engine/journal/read.ts';
import { usageError } from './usage-error.ts';

/** Whether this goes without the lock. The id is typed once more, so that nobody goes without that of another run. */
export function withoutLock(typed: string | undefined, { started }: JournalledRun, again: string): boolean {
  if (typed === undefined || typed === started.runId) return typed !== undefined;
  throw usageError('lock-of-another-run', `--without-lock names ${typed}, and the run is ${started.runId}`, {
    next: [`With the lock: ${again}`, `Without it: ${again} --without-lock ${started.runId}`],
  });
}
