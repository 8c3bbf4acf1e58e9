import { setTimeout as pause } from 'node:timers/promises';
import { PitrError } from '../errors/pitr-error.ts';

export interface Waiting<T> {
  readonly everyMs: number;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly done: (last: T) => boolean;
  /** The deadline has passed: says what was waited for and what was last seen. */
  readonly late: (last: T, waitedMs: number) => PitrError;
}

/** Looks again and again until what is seen is what is wanted. Looks at least once, and once more at the deadline. */
export async function until<T>(look: () => Promise<T>, waiting: Waiting<T>): Promise<T> {
  const begun = performance.now();
  for (;;) {
    const seen = await look();
    if (waiting.done(seen)) return seen;
    const waited = performance.now() - begun;
    if (waited >= waiting.deadlineMs) throw waiting.late(seen, waited);
    await rest(Math.min(waiting.everyMs, waiting.deadlineMs - waited + 1), waiting.signal);
  }
}

/** Lets time pass between two looks. Throws kind `interrupted` when the signal is aborted. */
export async function rest(milliseconds: number, signal: AbortSignal): Promise<void> {
  try {
    await pause(milliseconds, undefined, { signal });
  } catch (thrown) {
    throw new PitrError({
      kind: 'interrupted',
      code: 'interrupted',
      message: 'interrupted while waiting',
      cause: thrown,
    });
  }
}
