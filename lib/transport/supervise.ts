import { patientTimeout } from '../base/wait/patient-timeout.ts';
import { commandNotEnded, interrupted } from './errors.ts';

export const AFTER_KILL_MS = 10_000;
/** An end may come when the shell has not begun the command yet: nothing is seen below it, and it is looked at again. */
const KILL_AGAIN_MS = 1_000;

export interface Supervision {
  /** Names the command in messages. */
  readonly what: string;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The process id of the shell above the command, for messages. */
  pid(): number | undefined;
  /** Ends the command and its children on the host. */
  kill(reason: 'timeout' | 'abort'): Promise<void>;
}

/**
 * Waits for a command, and ends it on the host when its time is over or its signal is aborted. Throws kind
 * `interrupted` after an abort, and says so when the command did not end although it was killed.
 */
export async function supervise<T>(
  work: Promise<T>,
  by: Supervision,
): Promise<{ readonly value: T; readonly timedOut: boolean }> {
  let callOff = (): void => {};
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<'timeout' | 'abort'>((resolve) => {
    if (by.timeoutMs !== undefined) callOff = patientTimeout(() => resolve('timeout'), by.timeoutMs);
    onAbort = () => resolve('abort');
    if (by.signal?.aborted) onAbort();
    else by.signal?.addEventListener('abort', onAbort, { once: true });
  });
  try {
    const first = await Promise.race([work.then((value) => ({ value })), stopped]);
    if (typeof first !== 'string') return { value: first.value, timedOut: false };
    await by.kill(first);
    if (!(await endsWithin(KILL_AGAIN_MS, work))) await by.kill(first);
    const value = await within(AFTER_KILL_MS, work, () => commandNotEnded(by.what, by.pid() ?? 0));
    if (first === 'abort') throw interrupted(by.what, 'The command and its children were ended on the host.');
    return { value, timedOut: true };
  } finally {
    callOff();
    if (onAbort !== undefined) by.signal?.removeEventListener('abort', onAbort);
  }
}

async function endsWithin(ms: number, work: Promise<unknown>): Promise<boolean> {
  const ended = work.then(
    () => true,
    () => true,
  );
  return within(ms, ended, () => new Error('later')).catch(() => false);
}

/** The promise's value, or the error when it takes longer. */
export async function within<T>(ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  let callOff = (): void => {};
  const deadline = new Promise<never>((_, reject) => {
    callOff = patientTimeout(() => reject(late()), ms);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    callOff();
  }
}
