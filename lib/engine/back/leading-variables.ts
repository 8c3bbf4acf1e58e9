import { dirname } from 'node:path';
import { loadInventory } from '../../language/inventory/load.ts';
import { type Inventory, varsOfHost } from '../../language/inventory/model.ts';
import { parseTemplate } from '../../language/template/template.ts';
import type { JournalledRun } from '../journal/read.ts';
import { leadsToHosts } from './masked.ts';
import { missingSecrets } from './variables-again.ts';

/**
 * The variables that the hosts of a run are reached by, under whatever names: `vault_password`, where the inventory says
 * `ansible_password: "{{ vault_password }}"`. None where the run was given no secret that this could be said of, and where
 * the inventory cannot be read: what is wrong with it is told to whoever goes to a host.
 */
export async function leadingVariables(
  run: JournalledRun,
  inventories: readonly string[] = run.inventories,
): Promise<ReadonlySet<string>> {
  if (missingSecrets(run.extraVars, {}, 'all').every(leadsToHosts)) return new Set();
  const varsDirectories = [dirname(run.started.playbook)];
  return loadInventory(inventories, { varsDirectories }).then(variablesOfWays, () => new Set());
}

// Asked for each message that names a command; an inventory may have many hosts.
const found = new WeakMap<Inventory, ReadonlySet<string>>();

/** The variables that the ways to the hosts of an inventory are made of, those in templates included. */
export function variablesOfWays(inventory: Inventory): ReadonlySet<string> {
  const names = found.get(inventory) ?? findVariables(inventory);
  found.set(inventory, names);
  return names;
}

function findVariables(inventory: Inventory): ReadonlySet<string> {
  const all = new Set<string>();
  for (const host of [...inventory.hosts.keys(), 'localhost']) {
    const vars = varsOfHost(inventory, host);
    const own = new Set([...vars.keys()].filter(leadsToHosts));
    // Grows while it is gone through: a template may name a variable that is one itself.
    for (const name of own) for (const named of namedIn(vars.get(name)?.value)) own.add(named);
    for (const name of own) all.add(name);
  }
  return all;
}

function namedIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return namedInText(value);
  if (value === null || typeof value !== 'object') return [];
  return Object.values(value).flatMap(namedIn);
}

function namedInText(text: string): readonly string[] {
  try {
    return parseTemplate(text).variables.map(({ name }) => name);
  } catch {
    // No template: that is told, with its place, to whoever goes to the host.
    return [];
  }
}
