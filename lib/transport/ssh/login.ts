import { NodeSSH } from 'node-ssh';
import type { Client, ConnectConfig, ServerHostKeyAlgorithm } from 'ssh2';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { patientTimeout } from '../../base/wait/patient-timeout.ts';
import { deferred } from '../deferred.ts';
import { connectionClosed } from '../errors.ts';
import { parseJump } from '../jump-words.ts';
import { Turns } from '../turns.ts';
import type { SshSettings } from '../types.ts';
import { sshAddress } from './address.ts';
import { Authentication } from './authentication.ts';
import {
  authenticationFailed,
  connectionLost,
  connectTimedOut,
  handshakeFailed,
  jumpLoop,
  proxyCommandFailed,
} from './errors.ts';
import { HostKeyCheck } from './host-key.ts';
import { PING_MS, watchLife } from './life.ts';
import { proxyEnd, routeTo } from './route.ts';
import { resolveTarget, type Target } from './target.ts';

const EARLY_CLOSE_RETRIES = 3;
const MOST_JUMPS = 8;

/**
 * A login costs the controller some ten milliseconds of arithmetic. With hundreds at once each would wait for all the
 * others, and their hosts would close on them (LoginGraceTime): so only that many are at work, whoever asks for them.
 */
const LOGINS_AT_ONCE = 24;
const gate = new Turns(LOGINS_AT_ONCE);

/** A connection that is logged in. */
export interface Login {
  readonly target: Target;
  readonly client: Client;
  /** Resolves, with the reason, when the connection is gone. */
  readonly lost: Promise<PitrError>;
  end(): void;
}

/** A host on the way to another one. */
interface Hop {
  /** The jump hosts before it; those of its own configuration where there are none. */
  readonly via: readonly string[];
  /** Whom it leads to, the last one first. */
  readonly ahead: readonly string[];
  /** How long its login may take at least, where the inventory does not say it: as long as that of the host behind it. */
  readonly leastMs: number;
}

/**
 * Logs in to a host: through jump hosts where the ssh configuration names them, the host key checked, the keys
 * offered in order. Throws kind `unreachable`, each cause with its own code.
 */
export async function login(
  settings: SshSettings,
  signal: AbortSignal,
  via: readonly string[] = [],
): Promise<Login> {
  return loginHop(settings, signal, { via, ahead: [], leastMs: 0 });
}

async function loginHop(settings: SshSettings, signal: AbortSignal, hop: Hop): Promise<Login> {
  const { via, ahead, leastMs } = hop;
  const name = sshAddress(settings);
  if (signal.aborted) throw connectionClosed(name);
  const way = [...ahead, name];
  // The same name leads to the same configuration, and so to itself again, for ever.
  if (ahead.includes(name) || way.length > MOST_JUMPS + 1) throw jumpLoop(settings.address, way);
  const resolved = await resolveTarget(settings);
  const target = {
    ...resolved,
    connectTimeoutMs: settings.connectTimeoutMs ?? Math.max(leastMs, resolved.connectTimeoutMs),
    ...(via.length === 0 ? {} : { proxyJump: via, proxyCommand: undefined }),
  };
  for (let attempt = 0; ; attempt += 1) {
    const early = { closed: false };
    try {
      return await loginOnce({ settings, target, early, way }, signal);
    } catch (error) {
      // sshd drops connections at random when many come at once (MaxStartups); that passes.
      if (!early.closed || attempt >= EARLY_CLOSE_RETRIES || signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt * (0.5 + Math.random())));
    }
  }
}

/** One try. */
interface Attempt {
  readonly settings: SshSettings;
  readonly target: Target;
  /** `closed`: the host closed the connection before anything was said. */
  readonly early: { closed: boolean };
  /** From the host that is wanted to this one. */
  readonly way: readonly string[];
}

async function loginOnce(attempt: Attempt, signal: AbortSignal): Promise<Login> {
  const { target } = attempt;
  // Before the gate: it has to pass the gate itself.
  const jump = await jumpTo(attempt, signal);
  const leave = await gate.take({ signal });
  try {
    if (leave === undefined) throw connectionLost(target, 'interrupted');
    return await logInBy(jump, attempt, signal);
  } catch (error) {
    jump?.end();
    throw error;
  } finally {
    leave?.();
  }
}

async function logInBy(jump: Login | undefined, attempt: Attempt, signal: AbortSignal): Promise<Login> {
  const { settings, target, early } = attempt;
  const hostKey = await HostKeyCheck.of(target);
  // A KnownHostsCommand takes its time.
  if (signal.aborted) throw connectionLost(target, 'interrupted');
  const route = await routeTo(target, jump, target.connectTimeoutMs, signal);
  const deadline = new Deadline(target.connectTimeoutMs);
  const authentication = new Authentication(target, {
    ...settings,
    aside: (work) => deadline.standingStill(work),
  });
  const ssh = new NodeSSH();
  const state = { handshake: false, late: false };
  const ready = ssh.connect({
    username: target.user,
    sock: route.socket,
    // Its own is a clock that a busy controller runs into.
    readyTimeout: 0,
    keepaliveInterval: PING_MS,
    // It counts nothing but answers to its pings.
    keepaliveCountMax: Number.MAX_SAFE_INTEGER,
    ...hostKeyOrder(hostKey.preferredAlgorithms),
    hostVerifier: (key: Buffer) => hostKey.accepts(key),
    authHandler: authentication.handler,
  });
  const client = ssh.connection;
  if (client === null) throw await ready.then(notReached, (error: unknown) => error);
  // Set before anything can happen, and for good: a second error without a listener would end the program.
  const lost = deferred<PitrError>();
  let reason = 'the host closed it';
  client.on('error', (error: Error) => {
    reason = error.message;
  });
  client.on('handshake', () => {
    state.handshake = true;
  });
  client.on('close', () => {
    route.end();
    lost.resolve(connectionLost(target, proxyEnd(route) ?? reason));
  });
  const stop = (): void => {
    client.end();
    route.socket.destroy();
  };
  signal.addEventListener('abort', stop, { once: true });
  deadline.start(() => {
    state.late = true;
    stop();
  });
  try {
    await ready;
  } catch (thrown) {
    stop();
    route.end();
    if (thrown instanceof PitrError) throw thrown;
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    if (hostKey.refusal !== undefined) throw hostKey.refusal;
    if (state.late) throw connectTimedOut(target, target.connectTimeoutMs, 'the SSH handshake');
    const level = 'level' in error ? error.level : undefined;
    // "Too many authentication failures" comes as a bare disconnect, with its number as code.
    const disconnected = 'code' in error && typeof error.code === 'number';
    if (level === 'client-authentication' || level === 'agent' || (state.handshake && disconnected)) {
      throw authenticationFailed(target, authentication.tried, authentication.accepts);
    }
    early.closed = !state.handshake && level !== 'handshake';
    const proxy = route.proxyEnded?.();
    throw proxy === undefined ? handshakeFailed(target, error) : proxyCommandFailed(target, proxy);
  } finally {
    deadline.callOff();
    signal.removeEventListener('abort', stop);
  }
  const callOff = watchLife(route.socket, (seconds) => {
    reason = `nothing was heard for ${seconds} s`;
    route.socket.destroy();
  });
  void lost.promise.then(callOff);
  return { target, client, lost: lost.promise, end: () => client.end() };
}

/** How long a login may take; the time in which a person types does not count. */
class Deadline {
  readonly #ms: number;
  #late: (() => void) | undefined;
  #callOff = (): void => {};

  constructor(ms: number) {
    this.#ms = ms;
  }

  start(late: () => void): void {
    this.#late = late;
    this.#callOff = patientTimeout(late, this.#ms);
  }

  async standingStill<T>(work: () => Promise<T>): Promise<T> {
    this.#callOff();
    try {
      return await work();
    } finally {
      if (this.#late !== undefined) this.start(this.#late);
    }
  }

  callOff(): void {
    this.#callOff();
    this.#late = undefined;
  }
}

function notReached(): Error {
  return new Error('node-ssh made no client');
}

function hostKeyOrder(preferred: readonly ServerHostKeyAlgorithm[]): Pick<ConnectConfig, 'algorithms'> {
  if (preferred.length === 0) return {};
  // Removed first: what is already in the list would not be moved.
  const serverHostKey = { remove: [...preferred], prepend: [...preferred], append: [] };
  return { algorithms: { serverHostKey } };
}

/** A login to the last of the jump hosts; nothing where the host is reached without. */
async function jumpTo({ settings, target, way }: Attempt, signal: AbortSignal): Promise<Login | undefined> {
  const { proxyJump } = target;
  const nearest = proxyJump.at(-1);
  if (nearest === undefined) return undefined;
  const hop = { via: proxyJump.slice(0, -1), ahead: way, leastMs: target.connectTimeoutMs };
  return loginHop(jumpSettings(settings, nearest), signal, hop).catch((error: unknown) => {
    if (settings.password === undefined || !(error instanceof PitrError) || error.code !== 'ssh-auth-failed')
      throw error;
    const why = 'it is a jump host, to which the password of the host behind it is not given';
    throw error.with({ details: [why] });
  });
}

/** A jump host is reached with the same keys and the same care as the host behind it, but never given its password. */
function jumpSettings(settings: SshSettings, jump: string): SshSettings {
  const { host, port, user } = parseJump(jump);
  return {
    ...settings,
    address: host,
    port,
    user,
    password: undefined,
    // What is said of the way to the host behind it says nothing of the way to it, but which configuration is read.
    jumps: undefined,
    clientOptions: configurationFile(settings.clientOptions),
    become: undefined,
  };
}

/** `-F FILE`, which the OpenSSH client hands on to its jump hosts; of its words each has its value behind it. */
function configurationFile(words: readonly string[] | undefined): readonly string[] | undefined {
  const at = words?.findLastIndex((word, index) => index % 2 === 0 && word === '-F') ?? -1;
  return at === -1 ? undefined : words?.slice(at, at + 2);
}
