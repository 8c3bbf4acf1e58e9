import { setTimeout as pause } from 'node:timers/promises';
import { LabError, reasonOf } from './error.ts';
import { seconds } from './progress.ts';

export interface Wait<T> {
  /** Completes "waiting for ...". */
  readonly what: string;
  readonly deadlineMs: number;
  readonly everyMs?: number;
  readonly attempt: () => Promise<T>;
  readonly done: (value: T) => boolean;
  readonly describe: (value: T) => string;
}

/**
 * Repeats the attempt until it is done and returns the value that was. An attempt that throws
 * counts as not done. Throws a LabError at the deadline that says what was waited for and what
 * was seen last.
 */
export async function waitFor<T>(wait: Wait<T>): Promise<T> {
  const started = performance.now();
  let lastSeen = 'nothing yet';
  for (;;) {
    try {
      const value = await wait.attempt();
      if (wait.done(value)) return value;
      lastSeen = wait.describe(value);
    } catch (thrown) {
      lastSeen = reasonOf(thrown);
    }
    if (performance.now() - started > wait.deadlineMs) {
      throw new LabError(
        `gave up after ${seconds(wait.deadlineMs)} waiting for ${wait.what}; last seen: ${lastSeen}`,
      );
    }
    await pause(wait.everyMs ?? 250);
  }
}
