import { isDeepStrictEqual } from 'node:util';
import type { PitrError, SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Inventory } from '../../language/inventory/model.ts';
import type { Layer } from '../task/scope.ts';

/**
 * The variables that all inventory hosts share, for what is decided before any host is chosen. One that differs would be that of
 * some host: `refused` gives the error, of two such hosts.
 */
export function sharedFacts(
  inventory: Inventory,
  refused: (name: string, hosts: string, at: SourcePosition | undefined) => PitrError,
): Layer {
  const hosts = [...inventory.hosts.values()];
  const names = new Set(hosts.flatMap(({ vars }) => [...vars.keys()]));
  return {
    kind: 'templates',
    names: () => names,
    get: (name) => {
      const [first, ...others] = hosts.map(({ vars }) => vars.get(name));
      const odd = others.findIndex((one) => !isDeepStrictEqual(one?.value, first?.value));
      if (odd < 0) return first;
      const differing = `${hosts[0]?.name} and ${hosts[odd + 1]?.name}`;
      throw refused(name, differing, (others[odd] ?? first)?.at);
    },
  };
}
