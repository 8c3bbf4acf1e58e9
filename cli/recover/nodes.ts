import { z } from 'zod';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { onHosts } from '../../lib/engine/run/look.ts';
import { dataLayer, Scope, templatesLayer } from '../../lib/engine/task/scope.ts';
import type { Inventory } from '../../lib/language/inventory/model.ts';
import { matchHosts } from '../../lib/language/inventory/patterns.ts';
import { normalPath } from '../../lib/system/fs/paths.ts';
import type { ConnectionSettings } from '../../lib/transport/types.ts';
import { barmanHost, patroniHosts } from '../well-known-hosts.ts';
import type { Surroundings } from './gap.ts';

const nodeSchema = z.looseObject({
  // The commands that are printed give it endings.
  pgdata: z.string().transform(normalPath),
  pg_port: z.coerce.number().default(5432),
  pg_bin: z.string(),
  pg_user: z.string().default('postgres'),
  patroni_service: z.string().default('patroni'),
  service_manager: z.enum(['supervisor', 'systemd']).default('systemd'),
  patroni_config: z.string().default('/etc/patroni/patroni.yml'),
  barman_server: z.string().optional(),
  restore_ssh: z.string().optional(),
  kept: z.string().transform(normalPath).optional(),
  wal_method: z.string().optional(),
});

/** A node of the cluster, as the inventory describes it. */
export interface Node extends z.output<typeof nodeSchema> {
  readonly name: string;
  readonly settings: ConnectionSettings;
}

/** The hosts of a recovery and how they are reached. */
export interface Site {
  readonly nodes: readonly Node[];
  readonly barman: { readonly name: string; readonly user: string; readonly settings: ConnectionSettings };
}

const NAMES = Object.keys(nodeSchema.shape);

/** Reads the inventory; contacts no host. Throws kind `validation` where it lacks what a node must have. */
export async function readSite({ inventories, extraVars, forks }: Surroundings): Promise<Site> {
  const nodes: Node[] = [];
  let barman: Site['barman'] | undefined;
  const namesIn = (inventory: Inventory): readonly string[] => matchHosts(inventory, patroniHosts(inventory));
  const pattern = (inventory: Inventory): string =>
    [...namesIn(inventory), barmanHost(inventory, extraVars)].join(',');
  const answers = await onHosts(
    { inventories, extraVars, forks, hosts: pattern },
    async (name, connections, inventory) => {
      const scope = new Scope([
        templatesLayer(inventory.hosts.get(name)?.vars ?? new Map()),
        dataLayer(extraVars),
        dataLayer({ inventory_hostname: name }),
      ]);
      const settings = connections.settingsOf(name);
      if (name === barmanHost(inventory, extraVars))
        barman = { name, user: String(scope.get('barman_user') ?? 'barman'), settings };
      // Barman's host may know all that a node must have: what is said for all hosts.
      if (!namesIn(inventory).includes(name)) return {};
      const vars = Object.fromEntries(NAMES.map((one) => [one, scope.get(one)]));
      const node = nodeSchema.safeParse(vars);
      if (!node.success) throw notDescribed(name, node.error, vars);
      nodes.push({ ...node.data, name, settings });
      return {};
    },
  );
  for (const { error } of answers) if (error !== undefined) throw error;
  if (barman === undefined) throw new Error('the Barman host was matched and not seen');
  return { nodes: nodes.sort((a, b) => (a.name < b.name ? -1 : 1)), barman };
}

function notDescribed(
  name: string,
  { issues }: z.ZodError,
  vars: Readonly<Record<string, unknown>>,
): PitrError {
  return new PitrError({
    kind: 'validation',
    code: 'node-not-described',
    message: `the inventory does not say of ${name} what a node must have`,
    details: issues.map(({ path: [variable = ''], message }) =>
      vars[String(variable)] === undefined
        ? `${String(variable)} is missing`
        : `${String(variable)} is wrong: ${message}`,
    ),
    next: [`Set it for ${name} in the inventory.`],
  });
}
