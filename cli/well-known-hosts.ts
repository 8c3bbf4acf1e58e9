import { PitrError } from '../lib/base/errors/pitr-error.ts';
import { dataLayer, Scope, templatesLayer } from '../lib/engine/task/scope.ts';
import type { Inventory } from '../lib/language/inventory/model.ts';

/**
 * The inventory host that Barman runs on: what `-e` says, else the variable `barman_host` of any host, else the only host of
 * the group `barman`, else the host `barman`. Throws kind `validation` where none of them tells one host.
 */
export function barmanHost(
  inventory: Inventory,
  { barman_host: told }: Readonly<Record<string, unknown>> = {},
): string {
  if (told !== undefined) {
    if (typeof told === 'string' && inventory.hosts.has(told)) return told;
    throw new PitrError({
      kind: 'validation',
      code: 'barman-host-unknown',
      message: `-e says barman_host=${String(told)}, and the inventory has no host of that name`,
      details: [`read from ${inventory.sources.join(', ')}`],
      next: ['Name the host as the inventory does, or leave barman_host out of what is given with -e.'],
    });
  }
  for (const { name, vars } of inventory.hosts.values()) {
    const scope = new Scope([templatesLayer(vars), dataLayer({ inventory_hostname: name })]);
    const named = scope.get('barman_host');
    if (typeof named === 'string' && inventory.hosts.has(named)) return named;
  }
  const group = inventory.groups.get('barman') ?? [];
  const [only = 'barman'] = group;
  if (group.length < 2 && inventory.hosts.has(only)) return only;
  throw new PitrError({
    kind: 'validation',
    code: 'barman-host-unknown',
    message: 'the inventory does not say which host Barman runs on',
    details: [
      `read from ${inventory.sources.join(', ')}`,
      ...(group.length < 2 ? [] : [`the group barman has several hosts: ${group.join(', ')}`]),
    ],
    next: ['Set barman_host under all: vars: to the inventory name of that host.'],
  });
}

/** The nodes of the Patroni cluster: the group `patroni`, else the hosts that know `patroni_cluster` or `patroni_config`. */
export function patroniHosts(inventory: Inventory): string {
  if ((inventory.groups.get('patroni') ?? []).length > 0) return 'patroni';
  const nodes = [...inventory.hosts.values()].filter(
    ({ vars }) => vars.has('patroni_cluster') || vars.has('patroni_config'),
  );
  if (nodes.length > 0) return nodes.map(({ name }) => name).join(',');
  throw new PitrError({
    kind: 'validation',
    code: 'patroni-hosts-unknown',
    message: 'the inventory does not say which hosts are the nodes of the cluster',
    details: [`read from ${inventory.sources.join(', ')}`],
    next: ['Put them into a group called patroni, or name them: pitr status db1,db2'],
  });
}
