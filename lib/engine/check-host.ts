import type { ReadHost } from '../contract/module.ts';
import { type HostDefaults, liveHost, type Peers } from './live-host.ts';
import type { Predictions } from './predictions.ts';

/**
 * A host as modules see it in check mode: it can be looked at and nothing else, and what earlier tasks would have
 * changed is laid over what is there.
 */
export function checkHost(
  name: string,
  peers: Peers,
  predictions: Predictions,
  defaults: HostDefaults = {},
): ReadHost {
  const live = liveHost(peers(name), peers, defaults);
  const signalOnly = defaults.signal === undefined ? {} : { signal: defaults.signal };
  const host: ReadHost = {
    name,
    query: live.query,
    queryAll: live.queryAll,
    look: async (resource, id) => {
      const foreseen = predictions.foresee(name, resource, id);
      if ('liveAt' in foreseen) return resource.read(host, foreseen.liveAt);
      // The prediction was made by a module through `predicted(resource, ...)`, which ties the state to the kind.
      return foreseen.state as Awaited<ReturnType<typeof resource.read>>;
    },
    peer: (other) => checkHost(other, peers, predictions, signalOnly),
  };
  return host;
}
