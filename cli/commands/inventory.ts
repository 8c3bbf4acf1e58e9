import { didYouMean } from '../../lib/base/errors/nearest.ts';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { maskedByName } from '../../lib/base/values/secret.ts';
import { CONNECTION_VARS } from '../../lib/language/inventory/connection-vars.ts';
import type { Inventory, InventoryHost } from '../../lib/language/inventory/model.ts';
import { defineCommand } from '../command.ts';
import { INVENTORY_OPTIONS, OUTPUT_OPTIONS } from '../common-options.ts';
import { writeJson } from '../display/json.ts';
import { findInventories } from '../find-inventory.ts';
import type { Io } from '../io.ts';
import { table } from '../table.ts';
import { oneLine, truncate } from '../text.ts';
import { usageError } from '../usage-error.ts';

const VIEWS = ['list', 'host', 'graph'] as const;
const LONGEST_VALUE = 60;

export const inventory = defineCommand({
  name: 'inventory',
  summary: 'Hosts, groups and variables, as pitr reads them',
  description: [
    'list: hosts with their groups. graph: groups with their hosts. host <name>: the variables of a host, each with the file and line that won. No host is contacted; values are shown as written, passwords masked.',
  ],
  arguments: [
    { name: 'view', text: 'list (without it), host or graph' },
    { name: 'name', text: 'the host of "host"; a pattern for "list"' },
  ],
  options: { inventory: INVENTORY_OPTIONS.inventory, ...OUTPUT_OPTIONS },
  examples: [
    { text: 'All hosts', command: 'pitr inventory -i inventory/lab-docker.yml' },
    {
      text: 'Where does a variable of db2 come from?',
      command: 'pitr inventory host db2 -i inventory/lab-ssh.yml',
    },
    { text: 'Groups', command: 'pitr inventory graph -i inventory/lab-docker.yml' },
  ],
  run: async ({ options, args }, io) => {
    const [view = 'list', name] = args;
    const inventories = await findInventories(options.inventory, io);
    const { loadInventory } = await import('../../lib/language/inventory/load.ts');
    const { learnInventory } = await import('../../lib/engine/run/learn-secrets.ts');
    const show = (inventory: Inventory): Promise<void> | void => {
      const json = options.output === 'json';
      if (view === 'list') return showList(inventory, name ?? 'all', json, io);
      if (view === 'graph') return showGraph(inventory, json, io);
      if (view === 'host') return showHost(inventory, name, json, io);
      throw usageError(
        'inventory-view-unknown',
        `pitr inventory shows ${VIEWS.join(', ')}, not "${view}"${didYouMean(view, VIEWS)}`,
      );
    };
    const loaded = await loadInventory(inventories);
    learnInventory(io.masker, loaded, {});
    await show(loaded);
    return 0;
  },
});

async function showList(inventory: Inventory, pattern: string, json: boolean, io: Io): Promise<void> {
  const { matchHosts } = await import('../../lib/language/inventory/patterns.ts');
  const hosts = matchHosts(inventory, pattern).flatMap((name) => inventory.hosts.get(name) ?? []);
  if (json) {
    for (const host of hosts) writeJson(io.stdout, hostJson(host));
    return;
  }
  const lines = table<InventoryHost>(
    [
      { title: 'HOST', value: (host) => host.name },
      { title: 'CONNECTION', value: connectionWords },
      { title: 'GROUPS', value: (host) => host.groups.join(' ') },
    ],
    hosts,
  );
  io.stdout.write(`${lines.join('\n')}\n`);
}

/** The variables that say how the host is reached, as written. */
function connectionWords(host: InventoryHost): string {
  const text = (names: readonly string[]): string | undefined => {
    const found = names.map((name) => host.vars.get(name)).find((value) => value !== undefined);
    return found === undefined ? undefined : oneLine(String(found.value));
  };
  const kind = text(CONNECTION_VARS.connection.names) ?? 'ssh';
  const address = text([...CONNECTION_VARS.container.names, ...CONNECTION_VARS.host.names]) ?? host.name;
  const port = text(CONNECTION_VARS.port.names);
  return kind === 'local' ? 'local' : `${kind} ${address}${port === undefined ? '' : `:${port}`}`;
}

function showGraph(inventory: Inventory, json: boolean, io: Io): void {
  for (const [group, hosts] of inventory.groups) {
    if (json) writeJson(io.stdout, { type: 'inventory.group', group, hosts });
    else if (hosts.length > 0 || group !== 'ungrouped')
      io.stdout.write(`@${group}\n${hosts.map((host) => `  ${host}\n`).join('')}`);
  }
}

function showHost(inventory: Inventory, name: string | undefined, json: boolean, io: Io): void {
  if (name === undefined)
    throw usageError('argument-missing', 'pitr inventory host needs the name of a host');
  const host = inventory.hosts.get(name);
  if (host === undefined) {
    throw new PitrError({
      kind: 'validation',
      code: 'host-unknown',
      message: `there is no host "${name}" in the inventory${didYouMean(name, inventory.hosts.keys())}`,
      details: [`read from ${inventory.sources.join(', ')}`],
      next: ['pitr inventory list'],
    });
  }
  if (json) {
    writeJson(io.stdout, hostJson(host));
    return;
  }
  const rows = [...host.vars].sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = table<(typeof rows)[number]>(
    [
      { title: 'VARIABLE', value: ([variable]) => variable },
      {
        title: 'VALUE',
        value: ([variable, located]) => truncate(oneLine(shown(variable, located.value)), LONGEST_VALUE),
      },
      { title: 'FROM', value: ([, located]) => `${located.at.file}:${located.at.line}` },
    ],
    rows,
  );
  io.stdout.write(`${host.name}  (${host.groups.join(' ') || 'in no group'})\n\n${lines.join('\n')}\n`);
}

function shown(variable: string, value: unknown): string {
  const seen = maskedByName(variable, value, (text) => text);
  return typeof seen === 'string' ? seen : JSON.stringify(seen);
}

function hostJson(host: InventoryHost): unknown {
  const vars = [...host.vars].map(([name, located]) => [
    name,
    { value: maskedByName(name, located.value, (text) => text), at: located.at },
  ]);
  return { type: 'inventory.host', host: host.name, groups: host.groups, vars: Object.fromEntries(vars) };
}
