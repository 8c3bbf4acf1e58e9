import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import type { Masker } from '../../base/values/masker.ts';
import type { ReadHost } from '../../contract/host.ts';
import { loadInventory } from '../../language/inventory/load.ts';
import type { Inventory, InventoryHost } from '../../language/inventory/model.ts';
import { located } from '../../language/yaml/load.ts';
import type { AskPassphrase } from '../../transport/types.ts';
import { dataLayer, Scope, templatesLayer } from '../task/scope.ts';
import { Connections } from './connections.ts';
import { lookingHost } from './live-host.ts';

export interface SiteRequest {
  readonly inventories: readonly string[];
  readonly extraVars: Readonly<Record<string, unknown>>;
  /** Learns the secrets of the inventory. */
  readonly masker: Masker;
  readonly askPassphrase?: AskPassphrase | undefined;
  readonly signal: AbortSignal;
}

/** All hosts of an inventory at once, to look at and not to change. */
export interface OpenSite {
  readonly inventory: Inventory;
  /** Connects when it is first asked for something. */
  readonly host: (name: string) => ReadHost;
  /** Variables of a host as a play would see them, rendered; those that are not set are left out. */
  readonly variables: (host: string, names: readonly string[]) => Readonly<Record<string, unknown>>;
  /** Private keys that the hosts' variables name. */
  readonly keyFiles: (hosts: readonly string[]) => ReadonlySet<string>;
}

/**
 * Reads the inventory, lets `work` look at its hosts, and closes the connections. Throws kind `validation`, and
 * `interrupted` where the signal was aborted meanwhile, whatever `work` made of that.
 */
export async function onSite<T>(request: SiteRequest, work: (site: OpenSite) => Promise<T>): Promise<T> {
  return onInventory(await loadInventory(request.inventories), request, work);
}

/** The same with an inventory that lies in no file. */
async function onInventory<T>(
  inventory: Inventory,
  { extraVars, masker, signal, askPassphrase }: Omit<SiteRequest, 'inventories'>,
  work: (site: OpenSite) => Promise<T>,
): Promise<T> {
  const connections = new Connections(inventory, extraVars, masker, { askPassphrase });
  // Many questions wait at once, and each of them listens: that is no leak.
  setMaxListeners(0, signal);
  try {
    const seen = await work({
      inventory,
      host: (name) => lookOnly(connections, name, signal),
      variables: (host, names) => {
        const scope = new Scope(
          [
            templatesLayer(inventory.hosts.get(host)?.vars ?? new Map()),
            dataLayer(extraVars),
            dataLayer({ inventory_hostname: host }),
          ],
          masker,
        );
        return Object.fromEntries(
          names.flatMap((name) => {
            const value = scope.get(name);
            return value === undefined ? [] : [[name, value]];
          }),
        );
      },
      keyFiles: (hosts) => connections.keyFiles(hosts),
    });
    // After an interruption every host looks as if it did not answer: nothing may be concluded from that.
    signal.throwIfAborted();
    return seen;
  } finally {
    await connections.closeAll();
  }
}

/**
 * Hosts that are in no inventory yet: each is made of its connection variables when it is asked for. Relative paths of
 * keys are taken from `directory`.
 */
export async function onHostsByVariables<T>(
  request: Omit<SiteRequest, 'inventories'> & { readonly directory: string },
  work: (connect: (name: string, variables: Readonly<Record<string, unknown>>) => ReadHost) => Promise<T>,
): Promise<T> {
  const hosts = new Map<string, InventoryHost>();
  const at = { file: join(request.directory, '(pitr init)'), line: 1, column: 1 };
  return onInventory({ sources: [], hosts, groups: new Map() }, request, (site) =>
    work((name, variables) => {
      const own = `${name} (${hosts.size + 1})`;
      const vars = Object.entries(variables).map(([key, value]) => [key, located(value, at)] as const);
      hosts.set(own, { name: own, groups: [], vars: new Map(vars) });
      return { ...site.host(own), name };
    }),
  );
}

/** A wrong connection variable is a fault of that host alone: it is told when the host is asked. */
function lookOnly(connections: Connections, name: string, signal: AbortSignal): ReadHost {
  const host = (): ReadHost => lookingHost(connections.to(name), (peer) => connections.to(peer), { signal });
  return {
    name,
    query: async (probe) => host().query(probe),
    queryAll: async (probes) => host().queryAll(probes),
    stream: async (probe) => host().stream(probe),
    look: async (resource, id) => host().look(resource, id),
    peer: (peer) => lookOnly(connections, peer, signal),
  };
}
