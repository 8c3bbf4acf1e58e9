import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { patientTimeout } from '../../base/wait/patient-timeout.ts';
import { channelOf } from '../child-channel.ts';
import { clientWords } from '../client-words.ts';
import type { ChannelEnd } from '../connection.ts';
import { deferred } from '../deferred.ts';
import { connectionClosed } from '../errors.ts';
import { newNonce } from '../marks.ts';
import { sshAddress } from '../ssh/address.ts';
import { configuredTimeout } from '../ssh/client-config.ts';
import { Turns } from '../turns.ts';
import type { SshSettings } from '../types.ts';
import { openSshFailed, openSshLost, openSshMissing, openSshSilent, openSshSocket } from './errors.ts';
import { type SocketPlace, socketPlace } from './socket-place.ts';

/** Of what the client says before it ends only so much is kept. */
const MOST_SAID = 4_096;
/** sshd drops connections at random when many come at once (MaxStartups); that passes. */
const DROPPED = /kex_exchange_identification|Connection (?:closed|reset) by/;
const DROPPED_RETRIES = 3;
/** Each is a process of its own, and its login arithmetic of the controller. */
const LOGINS_AT_ONCE = 16;
const gate = new Turns(LOGINS_AT_ONCE);

/** A client that is logged in, and that others share. */
export interface Master {
  /** The words of a client that goes through it; the text for the host comes behind them. */
  readonly words: readonly string[];
  /** Resolves when it is gone, with the reason. */
  readonly lost: Promise<PitrError>;
  /** Whether its process is gone, which is known before `lost` is. */
  hasEnded(): boolean;
  /** The reason when another client has ended, and nothing is known of what it ran. */
  gone(end: ChannelEnd): PitrError;
  /** Lets go of it, and resolves when it is gone. */
  end(): Promise<void>;
}

/** Logs in. Throws kind `unreachable`. */
export async function startMaster(settings: SshSettings, signal: AbortSignal): Promise<Master> {
  const connectTimeoutMs = settings.connectTimeoutMs ?? (await configuredTimeout(settings));
  for (let attempt = 0; ; attempt += 1) {
    const leave = await gate.take({ signal });
    try {
      if (leave === undefined || signal.aborted) throw connectionClosed(sshAddress(settings));
      return await startOnce({ ...settings, connectTimeoutMs }, signal);
    } catch (error) {
      const said = error instanceof PitrError ? error.evidence?.stderr : undefined;
      if (!DROPPED.test(said ?? '') || attempt >= DROPPED_RETRIES || signal.aborted) throw error;
    } finally {
      leave?.();
    }
    await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt * (0.5 + Math.random())));
  }
}

type Timed = SshSettings & { readonly connectTimeoutMs: number };

async function startOnce(settings: Timed, signal: AbortSignal): Promise<Master> {
  const address = sshAddress(settings);
  const { user, port } = settings;
  const told = [
    ...(user === undefined ? [] : ['-l', user]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    // By hand, too: a key that the system knows would not be stored in the files of the inventory.
    ...(settings.knownHostsFiles.length === 0 ? [] : ['-o', 'GlobalKnownHostsFile=/dev/null']),
    ...clientWords({ ...settings, port: undefined }),
  ];
  const nonce = newNonce();
  const { socket, clear } = placeFor(address, nonce.slice(0, 16));
  const words = ['-S', socket, ...ownWords(settings), ...told, '--', settings.address];
  // It ends when its stdin does, and so with this process, however that ends.
  const stay = `echo ${nonce}; exec cat >/dev/null`;
  const child = spawn('ssh', ['-M', '-T', ...words, stay], { detached: true, stdio: 'pipe' });
  const ready = deferred<void>();
  let stdout = '';
  let stderr = '';
  let isReady = false;
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    // A login shell may print before it; behind it comes nothing.
    if (isReady) return;
    stdout = (stdout + text).slice(-MOST_SAID);
    isReady = stdout.includes(nonce);
    if (isReady) ready.resolve();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-MOST_SAID);
  });
  let missing = false;
  child.once('error', (error) => {
    missing = 'code' in error && error.code === 'ENOENT';
  });
  const argv = ['ssh', ...told, '--', settings.address];
  const lost = channelOf(child, (end) => Promise.resolve(end)).ended.then(async (end) => {
    clear();
    if (missing) return openSshMissing(address);
    return (isReady ? openSshLost : openSshFailed)({ address, argv, end, stderr });
  });
  const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
  const end = async (): Promise<void> => {
    if (!hasEnded()) endWithChildren(child.pid);
    await lost;
  };
  const stop = (): void => ready.reject(connectionClosed(address));
  signal.addEventListener('abort', stop, { once: true });
  const callOff = patientTimeout(
    () => ready.reject(openSshSilent(address, argv, settings.connectTimeoutMs)),
    settings.connectTimeoutMs,
  );
  void lost.then((error) => ready.reject(error));
  try {
    await ready.promise;
    return {
      words: ['-o', 'ControlMaster=no', ...words],
      lost,
      hasEnded,
      gone: (end) => openSshLost({ address, argv, end, stderr: '' }),
      end,
    };
  } catch (error) {
    await end();
    throw error;
  } finally {
    callOff();
    signal.removeEventListener('abort', stop);
  }
}

function placeFor(address: string, name: string): SocketPlace {
  try {
    return socketPlace(tmpdir(), name);
  } catch (thrown) {
    throw openSshSocket(address, thrown);
  }
}

/** A client that is not logged in yet leaves its way to the host behind (ProxyCommand, ProxyJump). */
function endWithChildren(leader: number | undefined): void {
  try {
    if (leader !== undefined) process.kill(-leader, 'SIGTERM');
  } catch {
    // They have ended by themselves in the meantime.
  }
}

/**
 * What pitr itself needs: nobody is asked anything, the host key is looked at as the inventory says, a dead host is
 * noticed within seconds, and what a configuration has for a person's own sessions is left out.
 */
function ownWords({ hostKeyChecking, connectTimeoutMs }: Timed): readonly string[] {
  return [
    'BatchMode=yes',
    `StrictHostKeyChecking=${hostKeyChecking === 'strict' ? 'yes' : 'accept-new'}`,
    `ConnectTimeout=${Math.ceil(connectTimeoutMs / 1000)}`,
    'ServerAliveInterval=2',
    'ServerAliveCountMax=4',
    'ControlPersist=no',
    'LogLevel=ERROR',
    'ClearAllForwardings=yes',
    'ForwardX11=no',
    'PermitLocalCommand=no',
    'RemoteCommand=none',
  ].flatMap((option) => ['-o', option]);
}
