import { spawn } from 'node:child_process';
import { channelOf, OpenChannels } from '../child-channel.ts';
import { onOwnTerminal } from '../child-terminal.ts';
import type { Channel, ChannelEnd, Connection } from '../connection.ts';
import type { Terminal } from '../terminal.ts';

/** The controller itself as a host. */
export class LocalConnection implements Connection {
  readonly address = 'local';
  readonly loginUser = undefined;
  readonly parallelChannels = 8;
  readonly #channels = new OpenChannels();

  async connect(): Promise<void> {
    // Nothing to connect to.
  }

  async open(text: string): Promise<Channel> {
    // A session of its own: the terminal's Ctrl-C is for pitr, which then ends commands in its own order.
    const child = spawn('/bin/sh', ['-c', text], { detached: true, stdio: 'pipe' });
    return this.#channels.add(channelOf(child, async (end) => end));
  }

  async terminal(text: string, _terminal: Terminal, signal?: AbortSignal): Promise<ChannelEnd> {
    return onOwnTerminal('/bin/sh', ['-c', text], signal);
  }

  async close(): Promise<void> {
    await this.#channels.letGo();
  }
}
