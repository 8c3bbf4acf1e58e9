import { didYouMean } from '../../base/errors/nearest.ts';
import type { PitrError, SourcePosition } from '../../base/errors/pitr-error.ts';
import { MAGIC_VARIABLES } from '../playbook/variables.ts';
import { located, part } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { NAMES_OF_PITR } from './connection-vars.ts';
import type { DraftGroup, InventoryDraft } from './draft.ts';
import { inventoryError } from './errors.ts';
import { BadRange, expandRanges } from './ranges.ts';

const GROUP_KEYS = ['hosts', 'children', 'vars'] as const;

type Mapping = Readonly<Record<string, unknown>>;

/** Reads a YAML inventory into the draft. Throws kind `validation` with the place of what is wrong. */
export function readGroups(inventory: Located, draft: InventoryDraft): void {
  const groups = mapping(inventory, 'an inventory is a map of groups');
  if (groups === undefined) return;
  refuseOtherKinds(groups, inventory);
  for (const name of Object.keys(groups))
    readGroup(name, part(inventory, [name]), inventory.locateKey([name]), draft);
}

function readGroup(name: string, group: Located, at: SourcePosition, draft: InventoryDraft): void {
  if (!/^[\p{L}\p{N}_.-]+$/u.test(name)) {
    throw inventoryError('inventory-bad-name', `${shownName(name)} cannot be the name of a group`, at, [
      'Use letters, digits, _, - and dots.',
    ]);
  }
  const target = draft.group(name);
  const keys = mapping(group, `group "${name}" is a map with hosts:, children: and vars:`);
  // In the order of the file: it is the order in which hosts are shown and worked on.
  for (const key of Object.keys(keys ?? {})) {
    if (key === 'hosts') readHosts(group, target, draft);
    else if (key === 'children') readChildren(group, target, draft);
    else if (key === 'vars') readVars(part(group, ['vars']), target.vars, 'vars: is a map of variables');
    else throw unknownGroupKey(name, key, group);
  }
}

function readChildren(group: Located, target: DraftGroup, draft: InventoryDraft): void {
  const children = mapping(
    part(group, ['children']),
    'children: is a map of groups ("name:" on a line each)',
  );
  for (const child of Object.keys(children ?? {})) {
    const place = group.locateKey(['children', child]);
    if (!target.children.has(child)) target.children.set(child, place);
    readGroup(child, part(group, ['children', child]), place, draft);
  }
}

function readHosts(group: Located, target: DraftGroup, draft: InventoryDraft): void {
  const hosts = mapping(part(group, ['hosts']), 'hosts: is a map of hosts ("name:" on a line each)');
  for (const key of Object.keys(hosts ?? {})) {
    const entry = part(group, ['hosts', key]);
    for (const host of readHost(key, entry, group.locateKey(['hosts', key]), draft)) target.hosts.add(host);
  }
}

function readHost(key: string, entry: Located, at: SourcePosition, draft: InventoryDraft): readonly string[] {
  const port = /^([^:[\]]+(?:\[[^\]]*\][^:[\]]*)*):(\d+)$/.exec(key);
  const names = hostNames(port?.[1] ?? key, at);
  for (const name of names) {
    const vars = draft.host(name);
    if (port !== null) vars.set('ansible_port', located(Number(port[2]), at));
    readVars(entry, vars, `host "${name}" is a map of variables`);
  }
  return names;
}

function hostNames(key: string, at: SourcePosition): readonly string[] {
  let names: readonly string[];
  try {
    names = expandRanges(key);
  } catch (error) {
    if (!(error instanceof BadRange)) throw error;
    throw inventoryError('inventory-bad-name', `${shownName(key)}: ${error.message}`, at);
  }
  const wrong = names.find((name) => !/^[\p{L}\p{N}_][\p{L}\p{N}_.@-]*$/u.test(name));
  if (wrong === undefined) return names;
  throw inventoryError('inventory-bad-name', `${shownName(wrong)} cannot be the name of a host`, at, [
    'Give the host a plain name, and its address as ansible_host.',
  ]);
}

/** Without what stands behind `=`: variables in one line with their host, as INI has them, may be secrets. */
function shownName(name: string): string {
  return JSON.stringify(name.replace(/=.*/s, '=...'));
}

/** Copies variables with their places. Nothing at all is an empty map. */
export function readVars(vars: Located, into: Map<string, Located>, shape: string): void {
  for (const name of Object.keys(mapping(vars, shape) ?? {})) {
    refuseName(name, vars);
    into.set(name, part(vars, [name]));
  }
}

/** Names that would say nothing: a misspelt one of pitr's own, and those that pitr itself gives to every host. */
function refuseName(name: string, vars: Located): void {
  const at = vars.locateKey([name]);
  if (name.startsWith('pitr_') && !NAMES_OF_PITR.includes(name)) {
    throw inventoryError(
      'variable-unknown',
      `pitr has no variable "${name}"${didYouMean(name, NAMES_OF_PITR)}`,
      at,
      [`Names that begin with pitr_ are pitr's own: ${NAMES_OF_PITR.join(', ')}.`],
    );
  }
  if ((MAGIC_VARIABLES as readonly string[]).includes(name))
    throw inventoryError('variable-name', `"${name}" is set by pitr itself; take another name`, at);
}

function mapping(value: Located, shape: string): Mapping | undefined {
  if (value.value === null || value.value === undefined) return undefined;
  if (isMapping(value.value)) return value.value;
  const kind = Array.isArray(value.value)
    ? 'a list'
    : `${typeof value.value === 'string' ? 'text' : `a ${typeof value.value}`}`;
  const example = Array.isArray(value.value) ? ['Write "name:" instead of "- name".'] : [];
  throw inventoryError('inventory-wrong-shape', `${shape}, not ${kind}`, value.at, example);
}

function isMapping(value: unknown): value is Mapping {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

function unknownGroupKey(name: string, key: string, group: Located): PitrError {
  return inventoryError(
    'inventory-unknown-key',
    `unknown key ${shownName(key)} in group "${name}"${didYouMean(key, GROUP_KEYS)}`,
    group.locateKey([key]),
    [
      `A group holds hosts:, children: and vars:. A host stands under hosts:, a group inside it under children:.`,
    ],
  );
}

function refuseOtherKinds(groups: Mapping, inventory: Located): void {
  for (const key of GROUP_KEYS) {
    if (!Object.hasOwn(groups, key)) continue;
    throw inventoryError(
      'inventory-wrong-shape',
      `"${key}:" stands outside any group`,
      inventory.locateKey([key]),
      [`Put it under a group: "all:" holds everything.`],
    );
  }
  const dynamic = ['plugin', '_meta'].find((key) => Object.hasOwn(groups, key));
  if (dynamic === undefined) return;
  throw inventoryError(
    'inventory-dynamic',
    dynamic === 'plugin'
      ? 'this configures an inventory plugin of Ansible'
      : 'this is the output of an inventory script',
    inventory.locateKey([dynamic]),
    [
      `Turn it into a plain inventory: ansible-inventory -i ${inventory.at.file} --list --yaml --export > inventory.yml`,
    ],
  );
}
