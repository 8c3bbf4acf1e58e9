import { type ChildProcess, spawn } from 'node:child_process';
import type { ChannelEnd } from './connection.ts';

/**
 * A client program that is given the terminal of this process: it sets it to what it needs and puts it back. Ended by
 * `signal`. Resolves when it has ended.
 */
export async function onOwnTerminal(
  program: string,
  args: readonly string[],
  signal: AbortSignal | undefined,
): Promise<ChannelEnd> {
  const child = spawn(program, args, { stdio: 'inherit' });
  const stop = (): void => void child.kill('SIGTERM');
  if (signal?.aborted) stop();
  signal?.addEventListener('abort', stop, { once: true });
  try {
    return await ended(child);
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

function ended(child: ChildProcess): Promise<ChannelEnd> {
  return new Promise((resolve) => {
    child.once('error', () => resolve({ kind: 'exited', exitCode: 127 }));
    child.once('exit', (code, by) =>
      resolve(by !== null ? { kind: 'signalled', signal: by } : { kind: 'exited', exitCode: code ?? 255 }),
    );
  });
}
