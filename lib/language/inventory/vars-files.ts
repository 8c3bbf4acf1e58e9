import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { utf8Text } from '../../base/values/utf8.ts';
import { loadYaml } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { inventoryError } from './errors.ts';
import { readVars } from './read-groups.ts';

/** `group_vars/` or `host_vars/` of one directory: a name to the files that hold its variables, in order. */
export type VarsFiles = ReadonlyMap<string, readonly string[]>;

/** What a `group_vars/` or `host_vars/` directory holds; nothing where there is none. */
export async function findVarsFiles(directory: string, kind: 'group_vars' | 'host_vars'): Promise<VarsFiles> {
  const found = new Map<string, string[]>();
  const root = join(directory, kind);
  for (const entry of await entries(root)) {
    const path = join(root, entry.name);
    const name = entry.isDirectory() ? entry.name : varsFileName(entry.name);
    if (name === undefined) continue;
    const files = entry.isDirectory() ? await filesBelow(path) : [path];
    found.set(name, [...(found.get(name) ?? []), ...files]);
  }
  return found;
}

/** The variables of such files; later files win. Throws kind `validation`. */
export async function readVarsFiles(files: readonly string[]): Promise<ReadonlyMap<string, Located>> {
  const vars = new Map<string, Located>();
  for (const file of files) {
    const text = utf8Text(await readFile(file), file);
    if (text.startsWith('$ANSIBLE_VAULT')) throw vaultFile(file);
    readVars(loadYaml(file, text), vars, 'a variables file is a map of variables');
  }
  return vars;
}

export function vaultFile(file: string) {
  return inventoryError(
    'inventory-vault',
    `${file} is encrypted with Ansible Vault`,
    { file, line: 1, column: 1 },
    [`Decrypt it where it is needed: ansible-vault view ${file} > secrets.yml, then -e @secrets.yml`],
  );
}

async function filesBelow(directory: string): Promise<string[]> {
  const files: string[] = [];
  for (const entry of await entries(directory)) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(path)));
    else if (varsFileName(entry.name) !== undefined) files.push(path);
  }
  return files;
}

/** In alphabetical order, so that what wins does not depend on the file system. */
export async function entries(directory: string) {
  try {
    const found = await readdir(directory, { withFileTypes: true });
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return [];
    throw error;
  }
}

/** The name that a variables file is for; nothing for editors' leavings and other kinds of files. */
function varsFileName(file: string): string | undefined {
  if (file.startsWith('.') || file.endsWith('~')) return undefined;
  const known = /^(.+)\.(?:ya?ml|json)$/.exec(file)?.[1];
  if (known !== undefined) return known;
  return /\.(?:bak|orig|retry|swp|md|txt|ini|cfg|py|pyc|sh|j2|hbs|log|csv|pem|key|pub)$/.test(file)
    ? undefined
    : file;
}
