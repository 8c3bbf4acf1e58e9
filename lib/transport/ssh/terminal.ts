import type { ClientChannel, PseudoTtyOptions } from 'ssh2';
import type { Channel, ChannelEnd } from '../connection.ts';
import type { Terminal } from '../terminal.ts';

const DEFAULT_ROWS = 24;
const DEFAULT_COLUMNS = 80;

/** A pseudo-terminal of the size of the operator's. */
export function ptyOf({ stdout, term }: Terminal): PseudoTtyOptions {
  return {
    term,
    rows: stdout.rows ?? DEFAULT_ROWS,
    cols: stdout.columns ?? DEFAULT_COLUMNS,
    width: 0,
    height: 0,
  };
}

/** Joins a channel to the operator's terminal until it ends; the terminal is as it was afterwards. */
export async function joined(
  raw: ClientChannel,
  channel: Channel,
  { stdin, stdout }: Terminal,
  signal: AbortSignal | undefined,
): Promise<ChannelEnd> {
  const resized = (): void => {
    raw.setWindow(stdout.rows ?? DEFAULT_ROWS, stdout.columns ?? DEFAULT_COLUMNS, 0, 0);
  };
  const stop = (): void => channel.abandon();
  if (signal?.aborted) stop();
  else signal?.addEventListener('abort', stop, { once: true });
  stdout.on('resize', resized);
  stdin.setRawMode?.(true);
  stdin.pipe(channel.stdin, { end: false });
  channel.stdout.pipe(stdout, { end: false });
  channel.stderr.pipe(stdout, { end: false });
  try {
    return await channel.ended;
  } finally {
    signal?.removeEventListener('abort', stop);
    stdout.off('resize', resized);
    stdin.unpipe(channel.stdin);
    stdin.pause();
    stdin.setRawMode?.(false);
    channel.stdout.unpipe(stdout);
    channel.stderr.unpipe(stdout);
  }
}
