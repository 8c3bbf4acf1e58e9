import type { Channel, ChannelEnd, Connection } from './connection.ts';
import { connectionClosed } from './errors.ts';
import { Host } from './host.ts';
import { sshAddress } from './ssh/address.ts';
import type { Terminal } from './terminal.ts';
import type { ConnectionSettings, DockerSettings, HostConnection, LocalSettings } from './types.ts';

/**
 * A host by its settings. Nothing is opened, and no library of its kind loaded, before the first use. `lost` is called whenever
 * an SSH connection is gone, also while nobody uses it: the next use opens another one.
 */
export function connectHost(
  name: string,
  settings: ConnectionSettings,
  lost: () => void = () => {},
): HostConnection {
  return new Host(name, lazily(settings, lost), settings.become);
}

/** How long a login to a host may take; nothing where nobody logs in. */
export async function loginTimeoutMs(settings: ConnectionSettings): Promise<number | undefined> {
  if (settings.kind !== 'ssh') return undefined;
  if (settings.connectTimeoutMs !== undefined) return settings.connectTimeoutMs;
  return (await import('./ssh/client-config.ts')).configuredTimeout(settings);
}

function lazily(settings: ConnectionSettings, lost: () => void): Connection {
  switch (settings.kind) {
    case 'ssh':
      return new LazyConnection({
        address: sshAddress(settings),
        loginUser: settings.user,
        parallelChannels: 4,
        make: async () =>
          settings.client === 'openssh'
            ? new (await import('./openssh/connection.ts')).OpenSshConnection(settings, lost)
            : new (await import('./ssh/connection.ts')).SshConnection(settings, lost),
      });
    case 'docker':
      return new LazyConnection({
        address: dockerAddress(settings),
        loginUser: undefined,
        parallelChannels: 4,
        make: async () => new (await import('./docker/connection.ts')).DockerConnection(settings),
      });
    case 'local':
      return new LazyConnection({
        address: localAddress(settings),
        loginUser: undefined,
        parallelChannels: 8,
        make: async () => new (await import('./local/connection.ts')).LocalConnection(),
      });
  }
}

function dockerAddress({ container, user }: DockerSettings): string {
  return `docker exec ${user === undefined ? '' : `-u ${user} `}${container}`;
}

function localAddress(settings: LocalSettings): string {
  return settings.kind;
}

interface LazyFacts {
  readonly address: string;
  readonly loginUser: string | undefined;
  readonly parallelChannels: number;
  readonly make: () => Promise<Connection>;
}

/** Stands for a connection until somebody needs it. */
class LazyConnection implements Connection {
  readonly address: string;
  readonly loginUser: string | undefined;
  readonly parallelChannels: number;
  readonly #make: () => Promise<Connection>;
  #made: Promise<Connection> | undefined;
  #closed = false;

  constructor(facts: LazyFacts) {
    this.address = facts.address;
    this.loginUser = facts.loginUser;
    this.parallelChannels = facts.parallelChannels;
    this.#make = facts.make;
  }

  async connect(signal?: AbortSignal): Promise<void> {
    return (await this.#connection()).connect(signal);
  }

  async open(text: string, signal?: AbortSignal): Promise<Channel> {
    return (await this.#connection()).open(text, signal);
  }

  async terminal(text: string, terminal: Terminal, signal?: AbortSignal): Promise<ChannelEnd> {
    return (await this.#connection()).terminal(text, terminal, signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await (await this.#made)?.close();
  }

  #connection(): Promise<Connection> {
    if (this.#closed) throw connectionClosed(this.address);
    this.#made ??= this.#make();
    return this.#made;
  }
}
