import { loadYaml } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { InventoryDraft } from './draft.ts';
import { inventoryError } from './errors.ts';
import type { Inventory, InventoryHost } from './model.ts';
import { readGroups } from './read-groups.ts';
import { inventorySources } from './sources.ts';
import { findVarsFiles, readVarsFiles, varsFilesOf } from './vars-files.ts';

export interface LoadInventoryOptions {
  /** More directories whose `group_vars/` and `host_vars/` count (the playbook's), over those beside the inventory. */
  readonly varsDirectories?: readonly string[] | undefined;
}

/**
 * Reads inventories in Ansible's YAML form (JSON is YAML too): files, or directories of files; several are merged in
 * order, later variables win. Without any path the inventory is empty, and only `localhost` can be reached.
 *
 * A host's variables, later ones over earlier ones:
 * 1. `vars:` of `all`, then of its groups, outer before inner, groups of the same depth by their `ansible_group_priority`
 *    (1 without it), then in alphabetical order
 * 2. `group_vars/all` beside the inventories, then in `varsDirectories`
 * 3. `group_vars/GROUP` in the order of 1: all of them beside the first inventory, then all beside the next one, ..., then all
 *    in `varsDirectories`
 * 4. what stands under the host in the inventory
 * 5. `host_vars/HOST` beside the inventories, then in `varsDirectories`
 *
 * `localhost`, where no inventory names it, is in no group and has what 1, 2 and 5 say of `all` and of itself; but nothing that
 * says how it is reached, since it is this machine.
 *
 * A variable that is set again is replaced, never merged. Nothing is rendered. Throws kind `validation`.
 */
export async function loadInventory(
  paths: readonly string[],
  options: LoadInventoryOptions = {},
): Promise<Inventory> {
  const sources = (await Promise.all(paths.map(inventorySources))).flat();
  const draft = new InventoryDraft();
  for (const { file, text } of sources) readGroups(loadYaml(file, text), draft);
  const depths = draft.depths();
  if (paths.length > 0 && draft.hosts.size === 0) {
    throw inventoryError('inventory-empty', `no host in ${paths.join(', ')}`, undefined, [
      'Name at least one: all: > hosts: > NAME: > ansible_host: ADDRESS',
    ]);
  }
  // Of a directory that is named again, the last place counts, as of a variable that is set again.
  const beside = new Set(sources.map((source) => source.directory).toReversed());
  const directories = [...[...beside].toReversed(), ...(options.varsDirectories ?? [])];
  return build(
    draft,
    depths,
    sources.map((source) => source.file),
    await Promise.all(directories.map(varsReader)),
  );
}

type LayerOfVars = ReadonlyMap<string, Located>;

interface VarsReader {
  readonly group: (name: string) => Promise<LayerOfVars>;
  readonly host: (name: string) => Promise<LayerOfVars>;
}

/** Reads the variables files of groups and hosts that there are; others in the directory may serve other inventories. */
async function varsReader(directory: string): Promise<VarsReader> {
  const of = async (kind: 'group_vars' | 'host_vars') => {
    const found = await findVarsFiles(directory, kind);
    return (name: string) => readVarsFiles(varsFilesOf(found, name));
  };
  const [group, host] = await Promise.all([of('group_vars'), of('host_vars')]);
  return { group, host };
}

async function build(
  draft: InventoryDraft,
  depths: ReadonlyMap<string, number>,
  sources: readonly string[],
  files: readonly VarsReader[],
): Promise<Inventory> {
  const priorities = new Map([...draft.groups.keys()].map((name) => [name, priorityOf(name, draft)]));
  const outerFirst = [...draft.groups.keys()]
    .filter((name) => name !== 'all' && name !== 'ungrouped')
    .sort(
      (a, b) =>
        (depths.get(a) ?? 0) - (depths.get(b) ?? 0) ||
        (priorities.get(a) ?? 1) - (priorities.get(b) ?? 1) ||
        (a < b ? -1 : 1),
    );
  const members = new Map(outerFirst.map((name) => [name, draft.members(name)]));
  for (const vars of [...draft.hosts.values()]) refusePriority(vars);
  const groupFiles = await groupVars(['all', ...outerFirst, 'ungrouped'], files);

  const hosts = new Map<string, InventoryHost>();
  for (const [name, own] of draft.hosts) {
    const inner = outerFirst.filter((group) => members.get(group)?.has(name));
    const groups = inner.length > 0 ? inner : ['ungrouped'];
    const layers: (LayerOfVars | undefined)[] = [
      ...['all', ...groups].map((group) => draft.groups.get(group)?.vars),
      ...groupFiles.map((layer) => layer.get('all')),
      ...groupFiles.flatMap((layer) => groups.map((group) => layer.get(group))),
      own,
      ...(await Promise.all(files.map((reader) => reader.host(name)))),
    ];
    hosts.set(name, { name, groups, vars: new Map(layers.flatMap((layer) => [...(layer ?? [])])) });
  }
  const ofLocalhost = [
    draft.groups.get('all')?.vars,
    ...groupFiles.map((layer) => layer.get('all')),
    ...(await Promise.all(files.map((reader) => reader.host('localhost')))),
  ];
  const localhostVars = new Map(
    ofLocalhost.flatMap((layer) => [...(layer ?? [])]).filter(([name]) => !/^(?:ansible|pitr)_/.test(name)),
  );
  return { sources, hosts, localhostVars, groups: groupMembers(outerFirst, members, hosts) };
}

const PRIORITY = 'ansible_group_priority';

/** Which of several groups of the same depth is read later, and wins: the one with the higher number. */
function priorityOf(group: string, draft: InventoryDraft): number {
  const written = draft.groups.get(group)?.vars.get(PRIORITY);
  if (written === undefined) return 1;
  const number = typeof written.value === 'string' ? Number(written.value) : written.value;
  if (typeof number === 'number' && Number.isInteger(number)) return number;
  throw inventoryError('group-priority', `"${PRIORITY}" must be a whole number`, written.at);
}

/** It decides in which order files of variables are read, so it cannot stand in one; nor does it mean anything for a host. */
function refusePriority(vars: LayerOfVars): void {
  const written = vars.get(PRIORITY);
  if (written === undefined) return;
  throw inventoryError(
    'group-priority',
    `"${PRIORITY}" counts only under vars: of a group in the inventory`,
    written.at,
  );
}

/** For each reader, the variables of each group. */
function groupVars(
  groups: readonly string[],
  files: readonly VarsReader[],
): Promise<readonly ReadonlyMap<string, LayerOfVars>[]> {
  return Promise.all(
    files.map(async (reader) => {
      const layers = await Promise.all(
        groups.map(async (group): Promise<[string, LayerOfVars]> => [group, await reader.group(group)]),
      );
      for (const [, vars] of layers) refusePriority(vars);
      return new Map(layers);
    }),
  );
}

function groupMembers(
  groups: readonly string[],
  members: ReadonlyMap<string, ReadonlySet<string>>,
  hosts: ReadonlyMap<string, InventoryHost>,
): ReadonlyMap<string, readonly string[]> {
  const names = [...hosts.keys()];
  return new Map([
    ['all', names],
    ...groups.map((group): [string, readonly string[]] => [group, [...(members.get(group) ?? [])]]),
    ['ungrouped', names.filter((name) => hosts.get(name)?.groups.includes('ungrouped'))],
  ]);
}
