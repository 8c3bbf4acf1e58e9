import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import type { Masker } from '../../base/values/masker.ts';
import type { Secret } from '../../base/values/secret.ts';
import { connectionSettings } from '../../language/inventory/connection.ts';
import type { Inventory, InventoryHost } from '../../language/inventory/model.ts';
import { type HostIdentity, machineOf } from '../../system/core/host-identity.ts';
import { connectHost } from '../../transport/connect.ts';
import type { AskPassphrase, ConnectionSettings, HostConnection } from '../../transport/types.ts';
import { dataLayer, Scope, templatesLayer } from '../task/scope.ts';
import { type KnownMachines, onlyWhere, refuseAnother } from './known-machines.ts';
import { learnInventory } from './learn-secrets.ts';
import { inParallel } from './pool.ts';
import { tellingWait } from './telling-wait.ts';

/** Logins take turns of their own. */
const AT_ONCE = 32;

export interface ConnectionWishes {
  readonly askPassphrase?: AskPassphrase | undefined;
  /** Hosts that must be the machines that they were. */
  readonly known?: KnownMachines | undefined;
  /** The run that changes hosts: each must stay the machine that it was when it was asked. */
  readonly changing?: Omit<KnownMachines, 'machines'> | undefined;
  /** Hears which of the known hosts does not answer yet, until `hush`. */
  readonly tell?: ((text: string) => void) | undefined;
}

/** One connection a host for the whole run, opened when it is first used. */
export class Connections {
  readonly #inventory: Inventory;
  readonly #extraVars: Readonly<Record<string, unknown>>;
  readonly #masker: Masker;
  readonly #askPassphrase: AskPassphrase | undefined;
  readonly #known: KnownMachines | undefined;
  readonly #changing: ConnectionWishes['changing'];
  #tell: ConnectionWishes['tell'];
  readonly #machines = new Map<string, HostIdentity>();
  readonly #open = new Map<string, HostConnection>();

  constructor(
    inventory: Inventory,
    extraVars: Readonly<Record<string, unknown>>,
    masker: Masker,
    { askPassphrase, known, changing, tell }: ConnectionWishes = {},
  ) {
    this.#tell = tell;
    // Whoever is asked for something knows what is waited for.
    this.#askPassphrase =
      askPassphrase &&
      ((file, again) => {
        this.hush();
        return askPassphrase(file, again);
      });
    this.#known = known;
    this.#changing = changing;
    this.#inventory = inventory;
    this.#extraVars = extraVars;
    this.#masker = masker;
    learnInventory(masker, inventory, extraVars);
  }

  /** Throws kind `validation` for a host that is not in the inventory, or whose connection variables are wrong. */
  to(name: string): HostConnection {
    let connection = this.#open.get(name);
    if (connection === undefined) {
      connection = this.#proved(name, this.#settings(name));
      this.#open.set(name, connection);
    }
    return connection;
  }

  /** Which machine a host is, asked once. Throws like `to`, and as a command on it does. */
  async machineOf(name: string, signal?: AbortSignal): Promise<HostIdentity> {
    const met = this.#machines.get(name) ?? (await machineOf(this.to(name), signal));
    this.#machines.set(name, met);
    return met;
  }

  /**
   * Goes to all hosts that must be the machines that they were. Throws kind `refused` where one is not, and what the signal
   * was aborted with; one that does not answer, or cannot be led to, is left to whoever needs it.
   */
  async refuseOthers(signal: AbortSignal): Promise<void> {
    await inParallel([...(this.#known?.machines.keys() ?? [])], AT_ONCE, async (name) => {
      try {
        await this.to(name).connect(signal);
      } catch (thrown) {
        signal.throwIfAborted();
        if (asPitrError(thrown).kind === 'refused') throw thrown;
      }
    });
  }

  /**
   * Begins to log in to hosts that will be used, all at once, where each would only come to it when it is used. One that
   * cannot be reached is told when it is used, and tried once more then: so not with a password, for a wrong one would be given
   * twice. Nobody logs in to a container, or to this machine.
   */
  openEarly(hosts: readonly string[], signal: AbortSignal): void {
    const begin = async (name: string): Promise<void> => {
      const settings = this.#settings(name);
      if (settings.kind === 'ssh' && settings.password === undefined) await this.to(name).connect(signal);
    };
    for (const name of hosts) begin(name).catch(() => {});
  }

  /** What is done from now on says itself whom it waits for. */
  hush(): void {
    this.#tell = undefined;
  }

  #proved(name: string, settings: ConnectionSettings): HostConnection {
    return onlyWhere(
      (lost) => connectHost(name, settings, lost),
      async (host, signal) => {
        const known = this.#knownBy(name);
        if (known === undefined) return;
        const tell = (text: string): void => this.#tell?.(text);
        const now = await tellingWait(host, settings, tell, () => machineOf(host, signal));
        refuseAnother(known, host, now);
        this.#machines.set(name, now);
      },
    );
  }

  /** What a host must still be: what a run has written down, or what it was when this one asked it. */
  #knownBy(name: string): KnownMachines | undefined {
    if (this.#known?.machines.has(name) === true) return this.#known;
    const met = this.#machines.get(name);
    if (met?.name === undefined || this.#changing === undefined) return undefined;
    return { ...this.#changing, machines: new Map([[name, met]]) };
  }

  /** How a host is reached, as its inventory says. Throws like `to`. */
  settingsOf(name: string): ConnectionSettings {
    return this.#settings(name);
  }

  /** The private key files that the hosts' variables name. What is wrong with a host is told when it is used. */
  keyFiles(hosts: readonly string[]): ReadonlySet<string> {
    const files = hosts.flatMap((name) => {
      try {
        const settings = this.#settings(name);
        return settings.kind === 'ssh' ? settings.identityFiles : [];
      } catch (thrown) {
        if (thrown instanceof PitrError) return [];
        throw thrown;
      }
    });
    return new Set(files);
  }

  async closeAll(): Promise<void> {
    await Promise.allSettled([...this.#open.values()].map((connection) => connection.close()));
    this.#open.clear();
  }

  #settings(name: string): ConnectionSettings {
    const host = this.#inventory.hosts.get(name);
    if (host === undefined) {
      if (name === 'localhost') return { kind: 'local' };
      throw new PitrError({
        kind: 'validation',
        code: 'host-unknown',
        message: `host "${name}" is not in the inventory`,
        next: ['Put it back there, or name the inventory that has it, too: -i path/to/inventory.yml'],
      });
    }
    const settings = connectionSettings(host, this.#connectionVars(host));
    for (const secret of secretsOf(settings)) this.#masker.add(secret.reveal());
    return settings.kind === 'ssh' ? { ...settings, askPassphrase: this.#askPassphrase } : settings;
  }

  #connectionVars(host: InventoryHost): Record<string, unknown> {
    const scope = new Scope(
      [templatesLayer(host.vars), dataLayer(this.#extraVars), dataLayer({ inventory_hostname: host.name })],
      this.#masker,
    );
    const names = [...scope.names()].filter((name) => /^(ansible|pitr)_/.test(name));
    return Object.fromEntries(names.map((name) => [name, scope.get(name)]));
  }
}

function secretsOf(settings: ConnectionSettings): readonly Secret[] {
  const own = settings.kind === 'ssh' ? [settings.password, settings.passphrase] : [];
  return [...own, settings.become?.password].filter((secret) => secret !== undefined);
}
