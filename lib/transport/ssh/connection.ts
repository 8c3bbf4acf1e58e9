import type { Client, ClientChannel } from 'ssh2';
import { type Channel, type ChannelEnd, type Connection, STREAMS_GRACE_MS } from '../connection.ts';
import { connectionClosed, interrupted } from '../errors.ts';
import type { Terminal } from '../terminal.ts';
import type { SshSettings } from '../types.ts';
import { sshAddress } from './address.ts';
import { connectionLost, execRefused, sessionsExhausted } from './errors.ts';
import { type Login, login } from './login.ts';
import { execOnTerminal, joined } from './terminal.ts';

/** SSH_OPEN_CONNECT_FAILED: what sshd says when there are as many sessions as MaxSessions allows. */
const NO_SESSION_FREE = 2;
const SESSION_DEADLINE_MS = 15_000;
/** A session that ended a moment ago still counts on the server, so this long the host is asked again. */
const SESSION_ENDS_MS = 100;
/** Connections of one host beside the first, where sshd allows too few sessions on one. */
const MOST_MORE = 9;
const LOSS_NOTICE_MS = 200;

/**
 * One SSH connection to a host, opened when needed and again when it was lost. Where sshd allows fewer sessions on it than
 * are needed (MaxSessions, 1 at worst), further ones are opened beside it.
 */
export class SshConnection implements Connection {
  readonly address: string;
  readonly loginUser: string | undefined;
  readonly parallelChannels = 4;
  readonly #settings: SshSettings;
  readonly #closing = new AbortController();
  #login: Promise<Login> | undefined;
  #more: readonly Login[] = [];
  /** With those that are being opened. */
  #moreCount = 0;

  constructor(settings: SshSettings) {
    this.#settings = settings;
    this.loginUser = settings.user;
    this.address = sshAddress(settings);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    await this.#ready(signal);
  }

  async open(text: string, signal?: AbortSignal): Promise<Channel> {
    const { channel, session } = await this.#session((client) => exec(client, text), signal);
    return channelOf(channel, session);
  }

  async terminal(text: string, terminal: Terminal, signal?: AbortSignal): Promise<ChannelEnd> {
    const { channel, session } = await this.#session(
      (client) => execOnTerminal(client, text, terminal),
      signal,
    );
    return joined(channel, channelOf(channel, session), terminal, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const first = await this.#login?.catch(() => undefined);
    const all = [...(first === undefined ? [] : [first]), ...this.#more];
    for (const session of all) session.end();
    await Promise.race([Promise.all(all.map(({ lost }) => lost)), later(1_000, undefined)]);
  }

  /** A channel on the first connection that has a session free. */
  async #session(
    begin: (client: Client) => Promise<ClientChannel>,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly channel: ClientChannel; readonly session: Login }> {
    const first = await this.#ready(signal);
    const asked = performance.now();
    for (let pause = 4; ; pause = Math.min(pause * 2, 250)) {
      for (const session of [first, ...this.#more]) {
        const channel = await begun(begin, session);
        if (channel !== undefined) return { channel, session };
      }
      if (signal?.aborted) throw interrupted(this.address);
      const waited = performance.now() - asked;
      if (waited + pause > SESSION_DEADLINE_MS)
        throw sessionsExhausted(first.target, SESSION_DEADLINE_MS / 1000);
      if (waited >= SESSION_ENDS_MS && this.#moreCount < MOST_MORE) await this.#openMore();
      else await later(pause, undefined);
    }
  }

  async #openMore(): Promise<void> {
    this.#moreCount += 1;
    try {
      const session = await login(this.#settings, this.#closing.signal);
      this.#more = [...this.#more, session];
      void session.lost.then(() => {
        this.#more = this.#more.filter((one) => one !== session);
        this.#moreCount -= 1;
      });
    } catch (error) {
      this.#moreCount -= 1;
      throw error;
    }
  }

  /** The login, shared by all who wait for it; an abort ends the waiting of its caller only. */
  async #ready(signal: AbortSignal | undefined): Promise<Login> {
    if (this.#closing.signal.aborted) throw connectionClosed(this.address);
    if (signal?.aborted) throw interrupted(this.address);
    this.#login ??= this.#open();
    const attempt = this.#login;
    if (signal === undefined) return attempt;
    let abort = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      abort = () => reject(interrupted(`connecting: ${this.address}`));
      signal.addEventListener('abort', abort, { once: true });
    });
    try {
      return await Promise.race([attempt, aborted]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  #open(): Promise<Login> {
    const attempt = login(this.#settings, this.#closing.signal);
    const forget = (): void => {
      if (this.#login === attempt) this.#login = undefined;
    };
    attempt.then((session) => session.lost.then(forget), forget);
    return attempt;
  }
}

/** The channel; nothing where the host has no session free on this connection. */
async function begun(
  begin: (client: Client) => Promise<ClientChannel>,
  session: Login,
): Promise<ClientChannel | undefined> {
  try {
    return await Promise.race([begin(session.client), session.lost.then(thrown)]);
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'PitrError') throw error;
    if ('reason' in error && error.reason === NO_SESSION_FREE) return undefined;
    throw await Promise.race([session.lost, later(LOSS_NOTICE_MS, execRefused(session.target, error))]);
  }
}

function exec(client: Client, text: string): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    client.exec(text, (error, channel) => {
      if (error) reject(error);
      else resolve(channel);
    });
  });
}

function channelOf(channel: ClientChannel, session: Login): Channel {
  let abandoned = (): void => {};
  const ended = new Promise<ChannelEnd>((resolve) => {
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
    channel.on('close', () => {
      // Closed with neither exit code nor signal: the connection went, though its own event may be still to come.
      if (end !== undefined) resolve(end);
      else void lossOf(session).then(resolve);
    });
    abandoned = () => resolve({ kind: 'signalled', signal: 'SIGPIPE' });
  });
  channel.on('error', () => {});
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    ended,
    abandon: () => {
      channel.close();
      abandoned();
    },
  };
}

async function lossOf(session: Login): Promise<ChannelEnd> {
  const silent = connectionLost(session.target, 'a session was closed without a status');
  return { kind: 'lost', error: await Promise.race([session.lost, later(LOSS_NOTICE_MS, silent)]) };
}

function thrown(error: Error): never {
  throw error;
}

function later<T>(milliseconds: number, value: T): Promise<T> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), milliseconds).unref();
  });
}
