import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { type Channel, type ChannelEnd, STREAMS_GRACE_MS } from './connection.ts';
import { clientLetGo } from './errors.ts';

/**
 * A process of this machine as a channel. `interpret` may look closer at an end: a client that went away tells
 * little about the host behind it. After `abandon` nothing is known of the end, and nobody looks.
 */
export function channelOf(
  child: ChildProcessWithoutNullStreams,
  interpret: (end: ChannelEnd) => Promise<ChannelEnd>,
): Channel {
  const ended = new Promise<ChannelEnd>((resolve) => {
    child.once('close', (code, signal) => resolve(endOf(code, signal)));
    child.once('exit', (code, signal) => {
      setTimeout(() => resolve(endOf(code, signal)), STREAMS_GRACE_MS).unref();
    });
    child.once('error', (error) => resolve({ kind: 'exited', exitCode: notStarted(error) }));
  });
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {});
  let abandoned = false;
  return {
    stdin: child.stdin,
    stdout: child.stdout,
    stderr: child.stderr,
    ended: ended.then((end) => (abandoned ? { kind: 'lost', error: clientLetGo() } : interpret(end))),
    abandon: () => {
      abandoned = true;
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      child.kill('SIGKILL');
    },
  };
}

/** What a shell says of a program that cannot be started. */
function notStarted(error: Error): number {
  return 'code' in error && error.code === 'ENOENT' ? 127 : 126;
}

function endOf(code: number | null, signal: string | null): ChannelEnd {
  return signal !== null ? { kind: 'signalled', signal } : { kind: 'exited', exitCode: code ?? 255 };
}

const GOODBYE_MS = 1_000;

/** The channels that are open, to be let go of together. */
export class OpenChannels {
  readonly #open = new Set<Channel>();

  add(channel: Channel): Channel {
    this.#open.add(channel);
    void channel.ended.then(() => this.#open.delete(channel));
    return channel;
  }

  /** Gives shells that have read the end of their stdin the time to end, then closes what is left. */
  async letGo(): Promise<void> {
    const all = [...this.#open];
    if (all.length === 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, GOODBYE_MS);
    });
    await Promise.race([Promise.all(all.map((channel) => channel.ended)), late]);
    clearTimeout(timer);
    for (const channel of this.#open) channel.abandon();
  }
}
