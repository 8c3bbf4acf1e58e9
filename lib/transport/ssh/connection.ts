import type { Client } from 'ssh2';
import { connecting } from '../connecting.ts';
import type { Channel, ChannelEnd, Connection } from '../connection.ts';
import { connectionClosed, interrupted } from '../errors.ts';
import type { Terminal } from '../terminal.ts';
import type { SshSettings } from '../types.ts';
import { sshAddress } from './address.ts';
import { connectionLost, execRefused, sessionsExhausted } from './errors.ts';
import { type Login, login as logIn } from './login.ts';
import { beginSession, type Session } from './session.ts';
import { joined, ptyOf } from './terminal.ts';

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
  readonly #lost: () => void;
  readonly #closing = new AbortController();
  #login: Promise<Login> | undefined;
  #more: readonly Login[] = [];
  /** With those that are being opened. */
  #moreCount = 0;

  /** `lost`: called whenever the connection is gone. */
  constructor(settings: SshSettings, lost: () => void = () => {}) {
    this.#settings = settings;
    this.#lost = lost;
    this.loginUser = settings.user;
    this.address = sshAddress(settings);
  }

  async connect(signal?: AbortSignal): Promise<void> {
    await this.#ready(signal);
  }

  async open(text: string, signal?: AbortSignal): Promise<Channel> {
    const { session, login } = await this.#session((client) => beginSession(client, text), signal);
    return channelOf(session, login);
  }

  async terminal(text: string, terminal: Terminal, signal?: AbortSignal): Promise<ChannelEnd> {
    const { session, login } = await this.#session(
      (client) => beginSession(client, text, { pty: ptyOf(terminal) }),
      signal,
    );
    return joined(session.channel, channelOf(session, login), terminal, signal);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const first = await this.#login?.catch(() => undefined);
    const all = [...(first === undefined ? [] : [first]), ...this.#more];
    for (const session of all) session.end();
    await Promise.race([Promise.all(all.map(({ lost }) => lost)), later(1_000, undefined)]);
  }

  /** A session on the first connection that has one free. */
  async #session(
    begin: (client: Client) => Promise<Session>,
    signal: AbortSignal | undefined,
  ): Promise<{ readonly session: Session; readonly login: Login }> {
    const first = await this.#ready(signal);
    const asked = performance.now();
    for (let pause = 4; ; pause = Math.min(pause * 2, 250)) {
      for (const login of [first, ...this.#more]) {
        const session = await begun(begin, login);
        if (session !== undefined) return { session, login };
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
      const session = await logIn(this.#settings, this.#closing.signal);
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
    return connecting(this.#login, this.address, signal);
  }

  #open(): Promise<Login> {
    const attempt = logIn(this.#settings, this.#closing.signal);
    const forget = (): void => {
      if (this.#login === attempt) this.#login = undefined;
    };
    const lose = (): void => {
      this.#lost();
      forget();
    };
    attempt.then((session) => session.lost.then(lose), forget);
    return attempt;
  }
}

/** The session; nothing where the host has none free on this connection. */
async function begun(
  begin: (client: Client) => Promise<Session>,
  login: Login,
): Promise<Session | undefined> {
  try {
    return await Promise.race([begin(login.client), login.lost.then(thrown)]);
  } catch (error) {
    if (!(error instanceof Error) || error.name === 'PitrError') throw error;
    if ('reason' in error && error.reason === NO_SESSION_FREE) return undefined;
    throw await Promise.race([login.lost, later(LOSS_NOTICE_MS, execRefused(login.target, error))]);
  }
}

function channelOf({ channel, status }: Session, login: Login): Channel {
  let abandoned = (_end: ChannelEnd): void => {};
  const left = new Promise<ChannelEnd>((resolve) => {
    abandoned = resolve;
  });
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    ended: Promise.race([status.then((end) => end ?? lossOf(login)), left]),
    abandon: () => {
      channel.close();
      abandoned({ kind: 'signalled', signal: 'SIGPIPE' });
    },
  };
}

/** The connection went, though its own event may be still to come. */
async function lossOf(login: Login): Promise<ChannelEnd> {
  const silent = connectionLost(login.target, 'a session was closed without a status');
  return { kind: 'lost', error: await Promise.race([login.lost, later(LOSS_NOTICE_MS, silent)]) };
}

function thrown(error: Error): never {
  throw error;
}

function later<T>(milliseconds: number, value: T): Promise<T> {
  return new Promise((resolve) => {
    setTimeout(() => resolve(value), milliseconds).unref();
  });
}
