import { Unknown, UnknownReached } from '../../base/values/unknown.ts';
import type { ReadHost, Resource } from '../../contract/host.ts';
import { type HostDefaults, lookingHost, type Peers } from '../run/live-host.ts';
import { Predictions } from './predictions.ts';

// Predictions are made through `predicted(resource, ...)`, which ties the state to the kind of the resource.
type State<R> = R extends Resource<infer S> ? S : never;

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
  const live = lookingHost(peers(name), peers, defaults);
  const forPeers = { signal: defaults.signal, watch: defaults.watch };
  const host: ReadHost = {
    name,
    query: async (probe) => {
      // Whatever it looks at: nobody knows of an author's command what that is.
      if (probe.authors === true && predictions.any(name))
        throw new UnknownReached(new Unknown('its check would see what was not done'));
      return live.query(probe);
    },
    queryAll: live.queryAll,
    stream: live.stream,
    look: async (resource, id) => {
      const foreseen = predictions.foresee(name, resource, id);
      if (!('liveAt' in foreseen)) return foreseen.state as State<typeof resource>;
      // What has only moved is as it is today, in all that its kind looks at; at its old place nothing is laid over that.
      const at = foreseen.liveAt === id ? host : checkHost(name, peers, new Predictions(), defaults);
      const live: unknown = await resource.read(at, foreseen.liveAt);
      const changed = (foreseen.differences ?? []).reduce(
        (state, difference) => (state instanceof Unknown ? state : difference(state)),
        live,
      );
      return changed as State<typeof resource>;
    },
    peer: (other) => checkHost(other, peers, predictions, forPeers),
  };
  return host;
}
