import type { Readable, Writable } from 'node:stream';
import type { PitrError } from '../base/errors/pitr-error.ts';
import type { Terminal } from './terminal.ts';

/**
 * The lower of the two layers: bytes. A connection has a POSIX shell on the host run a text and gives its three
 * streams; quoting, users, framing and files are the upper layer's, and the same for every kind of connection.
 */
export interface Connection {
  /** For messages: `ssh root@127.0.0.1:2201`. */
  readonly address: string;
  /** The login user's name, where it is known without asking the host. */
  readonly loginUser: string | undefined;
  /** How many short-lived channels may be open at once beside the standing shells. */
  readonly parallelChannels: number;
  /** Connects if there is no connection (any more). Throws kind `unreachable`. */
  connect(signal?: AbortSignal): Promise<void>;
  /** Has the login user's shell run `text` (POSIX sh). Connects first where needed. Throws kind `unreachable`. */
  open(text: string, signal?: AbortSignal): Promise<Channel>;
  /**
   * Has the login user's shell run `text` on a pseudo-terminal that is joined to the operator's, and resolves when it
   * has ended. Docker and local clients inherit the terminal of this process.
   */
  terminal(text: string, terminal: Terminal, signal?: AbortSignal): Promise<ChannelEnd>;
  /** Lets go of everything. What still runs on the host goes on there. */
  close(): Promise<void>;
}

export interface Channel {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /**
   * How the shell ended, when it has; never rejects. A child that still holds the streams does not delay it for
   * more than `STREAMS_GRACE_MS`.
   */
  readonly ended: Promise<ChannelEnd>;
  /** Closes our end at once. The process on the host is not told. */
  abandon(): void;
}

/** `lost` is the reason why no status is known: the host, the connection or the container went away. */
export type ChannelEnd =
  | { readonly kind: 'exited'; readonly exitCode: number }
  | { readonly kind: 'signalled'; readonly signal: string }
  | { readonly kind: 'lost'; readonly error: PitrError };

/** How long output is still awaited after a shell has ended, when a child of it holds the streams open. */
export const STREAMS_GRACE_MS = 500;
