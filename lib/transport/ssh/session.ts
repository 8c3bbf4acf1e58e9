import type { Client, ClientChannel, ExecOptions } from 'ssh2';
import { type ChannelEnd, STREAMS_GRACE_MS } from '../connection.ts';

/** A command that has begun on a connection. */
export interface Session {
  readonly channel: ClientChannel;
  /** How it ended; nothing where it was closed with neither exit code nor signal, as when the connection went. */
  readonly status: Promise<ChannelEnd | undefined>;
}

/** Begins a command. Rejects with what ssh2 says. */
export function beginSession(client: Client, text: string, options: ExecOptions = {}): Promise<Session> {
  return new Promise((resolve, reject) => {
    client.exec(text, options, (error, channel) => {
      if (error) reject(error);
      // Listened to at once: one packet may tell that it has begun and that it is over.
      else resolve({ channel, status: statusOf(channel) });
    });
  });
}

function statusOf(channel: ClientChannel): Promise<ChannelEnd | undefined> {
  channel.on('error', () => {});
  return new Promise((resolve) => {
    let end: ChannelEnd | undefined;
    // Typed as a union of two listeners, of which TypeScript can pick neither.
    channel.on('exit', (...[code, signal]: [number | null, string?]) => {
      const known: ChannelEnd =
        code === null
          ? { kind: 'signalled', signal: signal ?? 'unknown' }
          : { kind: 'exited', exitCode: code };
      end = known;
      setTimeout(() => resolve(known), STREAMS_GRACE_MS).unref();
    });
    channel.on('close', () => resolve(end));
  });
}
