import { spawn } from 'node:child_process';
import { patientTimeout } from '../../base/wait/patient-timeout.ts';
import { channelOf, OpenChannels } from '../child-channel.ts';
import { onOwnTerminal } from '../child-terminal.ts';
import { connecting } from '../connecting.ts';
import type { Channel, ChannelEnd, Connection } from '../connection.ts';
import { connectionClosed, interrupted } from '../errors.ts';
import { sshAddress } from '../ssh/address.ts';
import type { Terminal } from '../terminal.ts';
import type { SshSettings } from '../types.ts';
import { type Master, startMaster } from './master.ts';

/** What the client says of a command that was ended by a signal, and of a connection that is gone. */
const CLIENT_FAILED = 255;
const LOSS_NOTICE_MS = 500;

/** What a client says first that got no session on the connection (MaxSessions); it then makes one of its own. */
const LOGS_IN_ITSELF = 'mux_client_request_session';

/**
 * A host by the OpenSSH client of the controller, for what that alone can do: certificates, Kerberos, security keys. One
 * client is logged in, and those of the single channels share its connection.
 */
export class OpenSshConnection implements Connection {
  readonly address: string;
  readonly loginUser: string | undefined;
  readonly parallelChannels = 4;
  readonly #settings: SshSettings;
  readonly #lost: () => void;
  readonly #channels = new OpenChannels();
  readonly #closing = new AbortController();
  #master: Promise<Master> | undefined;

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
    const master = await this.#ready(signal);
    // A session of its own: the terminal's Ctrl-C is for pitr, not for its clients.
    const child = spawn('ssh', ['-T', ...master.words, text], { detached: true, stdio: 'pipe' });
    let beside = false;
    child.stderr.once('data', (said: Buffer) => {
      beside = said.includes(LOGS_IN_ITSELF);
    });
    return this.#channels.add(channelOf(child, (end) => interpret(end, master, () => beside)));
  }

  async terminal(text: string, _terminal: Terminal, signal?: AbortSignal): Promise<ChannelEnd> {
    const master = await this.#ready(signal);
    return interpret(await onOwnTerminal('ssh', ['-tt', ...master.words, text], signal), master);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#channels.letGo();
    await (await this.#master?.catch(() => undefined))?.end();
  }

  /** The login, shared by all who wait for it; an abort ends the waiting of its caller only. */
  async #ready(signal: AbortSignal | undefined): Promise<Master> {
    if (this.#closing.signal.aborted) throw connectionClosed(this.address);
    if (signal?.aborted) throw interrupted(this.address);
    this.#master ??= this.#start();
    return connecting(this.#master, this.address, signal);
  }

  #start(): Promise<Master> {
    const attempt = startMaster(this.#settings, this.#closing.signal);
    const forget = (): void => {
      if (this.#master === attempt) this.#master = undefined;
    };
    const lose = (): void => {
      this.#lost();
      forget();
    };
    attempt.then((master) => master.lost.then(lose), forget);
    return attempt;
  }
}

/** The client's exit code stands for the command's only while the connection is there. */
async function interpret(
  end: ChannelEnd,
  { lost, gone, hasEnded }: Master,
  beside: () => boolean = () => false,
): Promise<ChannelEnd> {
  if (end.kind === 'exited' && end.exitCode !== CLIENT_FAILED) return end;
  let callOff = (): void => {};
  const noticed = new Promise<undefined>((resolve) => {
    callOff = patientTimeout(() => resolve(undefined), LOSS_NOTICE_MS);
  });
  const error = await Promise.race([lost, noticed]).finally(callOff);
  // Its reason comes later, where a ProxyCommand holds its output.
  if (error !== undefined || hasEnded()) return { kind: 'lost', error: error ?? (await lost) };
  // One that was killed here tells as little of the command.
  if (beside() || end.kind === 'signalled') return { kind: 'lost', error: gone(end) };
  // It does not say which signal, nor that it was one; a shell of pitr's does not end so by itself.
  return { kind: 'signalled', signal: 'unknown' };
}
