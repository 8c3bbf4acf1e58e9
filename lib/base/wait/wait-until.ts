import { setTimeout as pause } from 'node:timers/promises';
import { PitrError } from '../errors/pitr-error.ts';
import { formatDuration } from './duration.ts';

/** The clock that waiting goes by; tests give their own. */
export interface Clock {
  now(): number;
  /** Resolves after the time, or rejects when the signal is aborted. */
  pause(ms: number, signal: AbortSignal | undefined): Promise<void>;
}

const REAL_CLOCK: Clock = {
  now: () => performance.now(),
  pause: async (ms, signal) => {
    await pause(ms, undefined, signal === undefined ? {} : { signal });
  },
};

export interface Wait<T> {
  /** Completes "waited 30 s for ...": `patroni to be running`. */
  readonly what: string;
  readonly deadlineMs: number;
  readonly everyMs: number;
  readonly attempt: (attempt: number) => Promise<T>;
  readonly done: (seen: T) => boolean;
  /** What was seen, in words, for the error at the deadline. */
  readonly describe: (seen: T) => string;
  /** Called after each attempt that was not the last. */
  readonly onSeen?: ((seen: T) => void) | undefined;
  /** More lines for the error at the deadline. */
  readonly next?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Looks again and again until it is done, and returns what was seen then. Looks at least once, and once more at the
 * deadline. Throws kind `failed` (`deadline-passed`) that says what it last saw, and kind `interrupted` when the
 * signal is aborted. An attempt that throws ends the wait.
 */
export async function waitUntil<T>(wait: Wait<T>): Promise<T> {
  const clock = wait.clock ?? REAL_CLOCK;
  const started = clock.now();
  for (let attempt = 1; ; attempt++) {
    throwIfAborted(wait.signal, wait.what);
    const seen = await wait.attempt(attempt);
    if (wait.done(seen)) return seen;
    const left = wait.deadlineMs - (clock.now() - started);
    if (left <= 0) {
      throw new PitrError({
        kind: 'failed',
        code: 'deadline-passed',
        message: `waited ${formatDuration(wait.deadlineMs)} for ${wait.what}; last seen: ${wait.describe(seen)}`,
        next: wait.next,
      });
    }
    wait.onSeen?.(seen);
    try {
      await clock.pause(Math.min(wait.everyMs, left), wait.signal);
    } catch (thrown) {
      throwIfAborted(wait.signal, wait.what);
      throw thrown;
    }
  }
}

function throwIfAborted(signal: AbortSignal | undefined, what: string): void {
  if (signal === undefined || !signal.aborted) return;
  if (signal.reason instanceof PitrError) throw signal.reason;
  throw new PitrError({
    kind: 'interrupted',
    code: 'interrupted',
    message: `stopped while waiting for ${what}`,
  });
}
