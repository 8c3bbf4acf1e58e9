import { spawn } from 'node:child_process';
import { channelOf, OpenChannels } from '../child-channel.ts';
import { onOwnTerminal } from '../child-terminal.ts';
import type { Channel, ChannelEnd, Connection } from '../connection.ts';
import type { Terminal } from '../terminal.ts';
import type { DockerSettings } from '../types.ts';
import { whyUnreachable } from './diagnose.ts';

/**
 * A container as a host, by the docker client alone: one `docker exec` stands for all short commands, so the price
 * of starting the client is paid once. DOCKER_HOST and contexts are the client's own business.
 */
export class DockerConnection implements Connection {
  readonly address: string;
  readonly loginUser = undefined;
  readonly parallelChannels = 4;
  readonly #settings: DockerSettings;
  readonly #channels = new OpenChannels();

  constructor(settings: DockerSettings) {
    this.#settings = settings;
    this.address = `docker exec ${settings.container}`;
  }

  async connect(): Promise<void> {
    // There is no connection apart from its channels; the first shell proves that the container answers.
  }

  async open(text: string): Promise<Channel> {
    const { container, user } = this.#settings;
    const argv = ['exec', '-i', ...(user === undefined ? [] : ['-u', user]), container, 'sh', '-c', text];
    // A session of its own: the terminal's Ctrl-C is for pitr, not for its clients.
    const child = spawn('docker', argv, { detached: true, stdio: 'pipe' });
    return this.#channels.add(channelOf(child, (end) => this.#interpret(end)));
  }

  async terminal(text: string, { term }: Terminal, signal?: AbortSignal): Promise<ChannelEnd> {
    const { container, user } = this.#settings;
    const as = user === undefined ? [] : ['-u', user];
    const argv = ['exec', '-it', '-e', `TERM=${term}`, ...as, container, 'sh', '-c', text];
    return this.#interpret(await onOwnTerminal('docker', argv, signal));
  }

  async close(): Promise<void> {
    await this.#channels.letGo();
  }

  /** The client's exit code stands for the shell's only while container and engine are there. */
  async #interpret(end: ChannelEnd): Promise<ChannelEnd> {
    if (end.kind === 'exited' && end.exitCode === 0) return end;
    const error = await whyUnreachable(this.#settings.container, end);
    return error === undefined ? end : { kind: 'lost', error };
  }
}
