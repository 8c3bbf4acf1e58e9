import { interrupted } from './errors.ts';

/** A login that several wait for: an abort ends the waiting of its caller only. Throws kind `interrupted`. */
export async function connecting<T>(
  attempt: Promise<T>,
  address: string,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (signal === undefined) return attempt;
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(interrupted(`connecting: ${address}`));
    signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([attempt, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
