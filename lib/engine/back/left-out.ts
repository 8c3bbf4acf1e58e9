import { loadInventory } from '../../language/inventory/load.ts';
import { matchHosts } from '../../language/inventory/patterns.ts';
import type { JournalledRun } from '../journal/read.ts';
import { varsBeside } from './place-again.ts';

/**
 * The hosts of the inventory and of the runs that a limit leaves out, also those that the inventory does not have any more. Throws kind
 * `validation` for the inventory, and for a limit that matches nothing.
 */
export async function hostsLeftOut(
  runs: readonly JournalledRun[],
  limit: string | undefined,
  inventories: readonly string[],
): Promise<ReadonlySet<string>> {
  const last = runs.at(-1);
  if (limit === undefined || last === undefined) return new Set();
  const inventory = await loadInventory(inventories.length > 0 ? inventories : last.inventories, {
    varsDirectories: varsBeside(last),
  });
  const kept = new Set(matchHosts(inventory, 'all', limit));
  const hosts = runs.flatMap(({ changes }) => changes.map(({ intent }) => intent.host));
  return new Set([...inventory.hosts.keys(), ...hosts].filter((host) => !kept.has(host)));
}
