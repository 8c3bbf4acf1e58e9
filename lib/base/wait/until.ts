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

export interface Waiting<T> {
  readonly everyMs: number;
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  readonly done: (seen: T) => boolean;
  /** The deadline has passed: says what was waited for and what was last seen. */
  readonly late: (last: T, waitedMs: number) => PitrError;
  /** Called after each look that was not the last. */
  readonly onSeen?: ((seen: T) => void) | undefined;
  /** Codes of errors that a look may meet and the next one not, as where somebody is silent: the wait goes on. */
  readonly passing?: readonly string[] | undefined;
  /** Called after each look that met such an error and was not the last. */
  readonly onFailed?: ((thrown: PitrError) => void) | undefined;
  readonly clock?: Clock | undefined;
}

/**
 * Looks again and again until what is seen is what is wanted, and returns it. Between two looks it pauses as
 * `pauseAfter` says. Looks at least once, and once more at the deadline; then throws what `late` gives; where that last look
 * met a `passing` error, this error, with what was seen before. Any other error of a look ends the wait. Throws kind `interrupted`, or the reason where that is a `PitrError`, when the signal is aborted.
 */
export async function until<T>(look: (attempt: number) => Promise<T>, waiting: Waiting<T>): Promise<T> {
  const { seen, isDone, waitedMs } = await watched(look, waiting);
  if (!isDone) throw waiting.late(seen, waitedMs);
  return seen;
}

/** As `until`, where what is seen at the deadline is an answer, too: it is returned. Where nothing could be seen, that is thrown. */
export async function lastSeen<T>(
  look: (attempt: number) => Promise<T>,
  waiting: Omit<Waiting<T>, 'late'>,
): Promise<T> {
  return (await watched(look, waiting)).seen;
}

interface Watched<T> {
  readonly seen: T;
  readonly isDone: boolean;
  readonly waitedMs: number;
}

async function watched<T>(
  look: (attempt: number) => Promise<T>,
  waiting: Omit<Waiting<T>, 'late'> & Partial<Pick<Waiting<T>, 'late'>>,
): Promise<Watched<T>> {
  const { signal, clock = REAL_CLOCK } = waiting;
  const begun = clock.now();
  let last: Watched<T> | undefined;
  for (let attempt = 1; ; attempt++) {
    const from = clock.now();
    const found = await foundBy(() => look(attempt), waiting.passing);
    const isDone = 'seen' in found && waiting.done(found.seen);
    const now = clock.now();
    const waitedMs = now - begun;
    const left = waiting.deadlineMs - waitedMs;
    if ('seen' in found) last = { seen: found.seen, isDone, waitedMs };
    if (isDone || left <= 0) {
      if ('failed' in found)
        throw blind(found.failed, waitedMs, last && waiting.late?.(last.seen, last.waitedMs));
      return { seen: found.seen, isDone, waitedMs };
    }
    if ('seen' in found) waiting.onSeen?.(found.seen);
    else waiting.onFailed?.(found.failed);
    await rest(Math.min(pauseAfter(now - from, waiting.everyMs), Math.ceil(left)), signal, clock);
  }
}

async function foundBy<T>(
  look: () => Promise<T>,
  passing: readonly string[] = [],
): Promise<{ readonly seen: T } | { readonly failed: PitrError }> {
  try {
    return { seen: await look() };
  } catch (thrown) {
    if (thrown instanceof PitrError && passing.includes(thrown.code)) return { failed: thrown };
    throw thrown;
  }
}

/** What was seen before the last look is told as that: how things are now is not known. */
function blind(failed: PitrError, waitedMs: number, before: PitrError | undefined): PitrError {
  const printed = before?.evidence?.stderr;
  return failed.with({
    details: [
      `It was asked again and again for ${formatDuration(waitedMs)}, at last without an answer.`,
      ...(before === undefined ? [] : [`Seen before: ${before.message}`, ...before.details]),
      ...(printed === undefined || printed === '' ? [] : [`${before?.evidence?.command}: ${printed}`]),
    ],
    state: before?.state,
  });
}

/** The error of a wait of which nothing more is to be said than what it was for and what was last seen. */
export function deadlinePassed(wait: {
  /** Completes "waited 30 s for ...": `patroni to be running`. */
  readonly what: string;
  readonly deadlineMs: number;
  readonly lastSeen: string;
  readonly next?: readonly string[] | undefined;
}): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'deadline-passed',
    message: `waited ${formatDuration(wait.deadlineMs)} for ${wait.what}; last seen: ${wait.lastSeen}`,
    next: wait.next,
  });
}

/** The longest pause that a slow look alone makes. */
const MOST_FOR_SLOW_MS = 5_000;

/**
 * How long to pause between two looks: `everyMs`, or as long as the look took. A host that is slow is not kept busy by the
 * looks alone; and one look that hung for a minute does not blind us for another.
 */
export function pauseAfter(lookMs: number, everyMs: number): number {
  return Math.max(everyMs, Math.min(lookMs, MOST_FOR_SLOW_MS));
}

/** Lets time pass between two looks. Throws as `until` does when the signal is aborted. */
export async function rest(
  milliseconds: number,
  signal: AbortSignal | undefined,
  clock: Clock = REAL_CLOCK,
): Promise<void> {
  try {
    await clock.pause(milliseconds, signal);
  } catch (thrown) {
    if (signal?.reason instanceof PitrError) throw signal.reason;
    throw new PitrError({
      kind: 'interrupted',
      code: 'interrupted',
      message: 'interrupted while waiting',
      cause: thrown,
    });
  }
}
