import { readFile, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { utf8Text } from '../../base/values/utf8.ts';
import { inventoryError } from './errors.ts';
import { entries, vaultFile, YAML_ENDINGS } from './vars-files.ts';

/** One inventory file as text, and the directory whose `group_vars/` and `host_vars/` belong to it. */
export interface InventorySource {
  readonly file: string;
  readonly text: string;
  readonly directory: string;
}

/**
 * The files of an inventory path: the file itself, or those of a directory in alphabetical order, all that Ansible would
 * read. Throws kind `validation` for one that is no inventory in YAML.
 */
export async function inventorySources(path: string): Promise<readonly InventorySource[]> {
  const isDirectory = await stat(path).then(
    (found) => found.isDirectory(),
    (error: unknown) => {
      throw unreadable(path, error);
    },
  );
  if (!isDirectory) return [await source(path, dirname(path))];
  const found = (await entries(path)).filter((entry) => !NO_INVENTORY.test(entry.name));
  for (const entry of found) if (entry.isDirectory) await refuseInside(join(path, entry.name));
  const files = found.filter((entry) => !entry.isDirectory);
  if (files.length === 0) {
    throw inventoryError(
      'inventory-directory-empty',
      `no inventory (*.yml, *.yaml, *.json) in directory ${path}`,
      undefined,
    );
  }
  return Promise.all(
    files.map(async ({ name }) => {
      const read = await source(join(path, name), path);
      if (extname(name) !== '' && !YAML_ENDINGS.includes(extname(name))) throw otherName(read.file);
      return read;
    }),
  );
}

/** What of a directory is an inventory by its name, also in a form that is refused: files, and directories that hold some. */
export async function inventoriesIn(directory: string): Promise<readonly string[]> {
  const found = (await entries(directory)).filter(({ name }) => !NO_INVENTORY.test(name));
  const named = found.map(async ({ name, isDirectory }) => {
    if (!isDirectory) return ['', '.ini', ...YAML_ENDINGS].includes(extname(name)) ? [name] : [];
    const inside = await inventoryInside(join(directory, name));
    return inside === undefined ? [] : [join(name, dirname(inside))];
  });
  return (await Promise.all(named)).flat();
}

/** What lies in a directory of inventories and is none: variables, hidden files, editors' leavings, texts, keys. */
const NO_INVENTORY =
  /^(?:\.|(?:group_vars|host_vars|ansible\.cfg|known_hosts.*|README|id_(?:rsa|dsa|ecdsa|ed25519)\w*)$)|~$|\.(?:bak|orig|retry|swp|md|txt|rst|cfg|pyc|pyo|rpm|pem|key|pub|j2|hbs|log|csv)$/;

/** Ansible does not read such a file, and tells it by a warning: mostly it is what an inventory was before. */
function otherName(file: string) {
  return inventoryError(
    // A file in a directory of inventories has the name of none.
    'inventory-file-name',
    `${file} lies in a directory of inventories, and has no name of one: *.yml, *.yaml, *.json, or no ending`,
    undefined,
    [
      'Move it to another directory, or let its name end with .bak. Where it is an inventory, let it end with .yml.',
    ],
  );
}

/** A directory inside of one would be read by Ansible; left out in silence, its hosts would be missing. */
async function refuseInside(directory: string): Promise<void> {
  const inside = await inventoryInside(directory);
  if (inside === undefined) return;
  throw inventoryError(
    'inventory-directory-inside',
    `${directory} is a directory inside a directory of inventories, which is not read`,
    undefined,
    [`Name it as an inventory of its own: -i ${join(directory, dirname(inside))}`],
    [`it holds ${inside}`],
  );
}

const INVENTORY = /\.(?:ya?ml|ini)$|^(?:hosts|inventory)$/;

/** Further below, a file in JSON is mostly something else. */
async function inventoryInside(
  directory: string,
  isInventory = (name: string) => INVENTORY.test(name) || name.endsWith('.json'),
): Promise<string | undefined> {
  const found = (await entries(directory)).filter(({ name }) => !name.startsWith('.'));
  const inside = found.find(({ name }) => isInventory(name));
  if (inside !== undefined) return inside.name;
  for (const { name } of found.filter(({ isDirectory }) => isDirectory)) {
    const below = await inventoryInside(join(directory, name), (file) => INVENTORY.test(file));
    if (below !== undefined) return join(name, below);
  }
  return undefined;
}

async function source(file: string, directory: string): Promise<InventorySource> {
  const bytes = await readFile(file).catch((error: unknown) => {
    throw unreadable(file, error);
  });
  const text = utf8Text(bytes, file);
  refuseOtherFormats(file, text);
  return { file, text, directory };
}

function refuseOtherFormats(file: string, text: string): void {
  const at = { file, line: 1, column: 1 };
  if (text.startsWith('$ANSIBLE_VAULT')) throw vaultFile(file);
  if (text.startsWith('#!')) {
    throw inventoryError(
      'inventory-dynamic',
      `${file} is an inventory script; only plain inventories are read`,
      at,
      [`Turn it into one: ansible-inventory -i ${file} --list --yaml --export > inventory.yml`],
    );
  }
  const ini = iniLine(file, text);
  if (ini === undefined) return;
  throw inventoryError(
    'inventory-ini',
    `${file} is an inventory in INI form; pitr reads the YAML form`,
    { ...at, line: ini },
    [
      `Convert it: ansible-inventory -i ${file} --list --yaml --export > inventory.yml`,
      'Or write it by hand: all: > children: > GROUP: > hosts: > HOST: > ansible_host: ADDRESS',
    ],
  );
}

const SECTION = /^\s*\[[\w.-]+(?::(?:vars|children))?\]\s*(?:[#;].*)?$/;
const HOST_LINE = /^[\w.-]+(?:\[\w+:\w+\])?(?:\s+\w+=\S+)+\s*$/;

/** The line that gives an INI inventory away; nothing for other files. */
function iniLine(file: string, text: string): number | undefined {
  const lines = text.split('\n');
  const first = lines.findIndex((line) => /^\s*[^\s#;]/.test(line));
  const line = lines[first] ?? '';
  if (SECTION.test(line) || HOST_LINE.test(line) || /\.(?:ini|cfg)$/.test(file))
    return Math.max(first, 0) + 1;
  // Bare host names before the first section; a YAML file says by its name that it is one.
  const section = /\.(?:ya?ml|json)$/.test(file) ? -1 : lines.findIndex((other) => SECTION.test(other));
  return section === -1 ? undefined : section + 1;
}

function unreadable(path: string, error: unknown) {
  const reason =
    error instanceof Error && 'code' in error && error.code === 'ENOENT'
      ? 'there is no such file'
      : String(error);
  return inventoryError('inventory-unreadable', `cannot read inventory ${path}: ${reason}`, undefined, [
    'Name a file or a directory: -i inventory/lab-docker.yml',
  ]);
}
