import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import { utf8Text } from '../../base/values/utf8.ts';
import { quote } from '../../transport/quote.ts';
import { loadYaml } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { inventoryError } from './errors.ts';
import { readVars } from './read-groups.ts';

/** What a `group_vars/` or `host_vars/` directory holds: a name to its forms, a file or a directory of files each. */
export type VarsFiles = ReadonlyMap<string, readonly VarsForm[]>;

interface VarsForm {
  readonly path: string;
  /** In order. */
  readonly files: readonly string[];
}

/** What a `group_vars/` or `host_vars/` directory holds; nothing where there is none. */
export async function findVarsFiles(directory: string, kind: 'group_vars' | 'host_vars'): Promise<VarsFiles> {
  const found = new Map<string, VarsForm[]>();
  const root = join(directory, kind);
  for (const { name, isDirectory } of await entries(root)) {
    const path = join(root, name);
    const of = isDirectory ? name : name.replace(/(?<=.)\.(?:ya?ml|json)$/, '');
    found.set(of, [...(found.get(of) ?? []), { path, files: isDirectory ? await filesBelow(path) : [path] }]);
  }
  return found;
}

/** The files of one name, in order. Throws kind `validation` where it has several forms: Ansible reads one of them alone. */
export function varsFilesOf(found: VarsFiles, name: string): readonly string[] {
  const [form, ...others] = found.get(name) ?? [];
  if (others.length === 0) return form?.files ?? [];
  const paths = [form, ...others].flatMap((one) => one?.path ?? []);
  throw inventoryError(
    // Variables of one group or host stand in several files side by side, of which Ansible would read one.
    'inventory-vars-twice',
    `the variables of "${name}" stand in ${paths.join(' and in ')}; Ansible reads one of these alone`,
    undefined,
    [
      `Keep one of them. What is to count together goes into one directory: ${join(dirname(paths[0] ?? ''), name)}/`,
    ],
  );
}

/** The variables of such files; later files win. Throws kind `validation`. */
export async function readVarsFiles(files: readonly string[]): Promise<ReadonlyMap<string, Located>> {
  const vars = new Map<string, Located>();
  for (const file of files) {
    const bytes = await readFile(file).catch((error: unknown) => {
      throw inventoryError(
        'inventory-vars-unreadable',
        `cannot read variables ${file}: ${String(error)}`,
        undefined,
        [`See who may read it, and where a link leads: ls -l ${quote(file)}`],
      );
    });
    const text = utf8Text(bytes, file);
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
    [
      `Decrypt it in its place: ansible-vault decrypt ${file}`,
      'Or move it elsewhere, and give what it says: ansible-vault view FILE > secrets.yml, then -e @secrets.yml',
    ],
  );
}

/** As Ansible has it: no hidden files and no backups, whatever their kind; other endings are none of variables. */
async function filesBelow(directory: string): Promise<string[]> {
  const files: string[] = [];
  for (const { name, isDirectory } of await entries(directory)) {
    const path = join(directory, name);
    const ending = extname(name);
    if (name.startsWith('.') || name.endsWith('~')) continue;
    if (isDirectory && ending === '') files.push(...(await filesBelow(path)));
    else if (!isDirectory && (ending === '' || YAML_ENDINGS.includes(ending))) files.push(path);
  }
  return files;
}

/** Of files in YAML, beside none at all. */
export const YAML_ENDINGS: readonly string[] = ['.yml', '.yaml', '.json'];

/** In alphabetical order, so that what wins does not depend on the file system. Links count as what they lead to. */
export async function entries(
  directory: string,
): Promise<readonly { readonly name: string; readonly isDirectory: boolean }[]> {
  try {
    const found = await readdir(directory, { withFileTypes: true });
    const told = found.map(async (entry) => ({
      name: entry.name,
      isDirectory: entry.isSymbolicLink()
        ? await stat(join(directory, entry.name)).then(
            (target) => target.isDirectory(),
            () => false,
          )
        : entry.isDirectory(),
    }));
    return (await Promise.all(told)).sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return [];
    throw error;
  }
}
