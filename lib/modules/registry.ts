import path from 'node:path';
import { nearestName } from '../base/errors/nearest.ts';
import { PitrError } from '../base/errors/pitr-error.ts';
import type { AnyModule } from '../contract/module.ts';
import { fileIn, namesIn } from './folder.ts';
import { importUsers } from './import-module.ts';
import { asUsers } from './own-fault.ts';
import { importOwn, ownModules } from './own-modules.ts';
import { type Flaw, moduleFlaws } from './shape.ts';
import { named, placeOfPart } from './source-place.ts';

/** The folder beside a playbook that holds its author's own modules. */
const BESIDE = 'modules';

/**
 * Where a user's modules are looked for beside those of pitr: `modules/` of each of the directories, and then what
 * $PITR_MODULES_PATH names (folders of families, with `:` between). What is found first counts.
 */
function userFolders(userDirs: readonly string[]): readonly string[] {
  const configured = (process.env.PITR_MODULES_PATH ?? '').split(path.delimiter).filter((one) => one !== '');
  return [...userDirs.map((directory) => path.join(directory, BESIDE)), ...configured].map((folder) =>
    path.resolve(folder),
  );
}

/**
 * The full names of all modules (`fs.copy`), sorted: the product's own and those that a user has beside playbooks
 * (`<dir>/modules/<family>/<name>.ts` for each of `userDirs`) or in the folders of $PITR_MODULES_PATH. Reads directories
 * only; nothing is imported.
 *
 * Throws kind `validation` when a user's module has the name of one of the product's.
 */
export async function listModules(userDirs: readonly string[] = []): Promise<readonly string[]> {
  const own = await ownModules();
  const all = new Set(own);
  for (const folder of userFolders(userDirs)) {
    for (const name of await namesIn(folder)) {
      if (own.includes(name)) throw nameTaken(name, folder);
      all.add(name);
    }
  }
  return [...all].sort();
}

/** The product's own by their names, those of users by their files. */
const loaded = new Map<string, Promise<AnyModule | undefined>>();

/**
 * Imports exactly one module, by its full name; the same file is imported once. In `folder`, as `folderOfModule` gave it,
 * a user's module is looked for first.
 *
 * Throws kind `validation`, with the place in the file: no such module, a user's module that cannot be imported, or one
 * that is not formed as `lib/contract/module.ts` says (all that is wrong with it at once).
 */
export async function loadModule(
  name: string,
  userDirs: readonly string[] = [],
  folder?: string,
): Promise<AnyModule> {
  const own = await onceLoaded(name, () => loadOwn(name));
  if (own !== undefined) return own;
  const file = [...(folder === undefined ? [] : [folder]), ...userFolders(userDirs)]
    .map((place) => fileIn(place, name))
    .find((found) => found !== undefined);
  const users = file === undefined ? undefined : await onceLoaded(file, () => loadUsers(name, file));
  if (users === undefined) throw unknownModule(name, await listModules(userDirs));
  return users;
}

/** The folder of families that a user's module is found in; nothing for one of pitr's own, or for none. */
export function folderOfModule(name: string, userDirs: readonly string[]): string | undefined {
  return userFolders(userDirs).find((folder) => fileIn(folder, name) !== undefined);
}

function onceLoaded(key: string, load: () => Promise<AnyModule | undefined>): Promise<AnyModule | undefined> {
  let module = loaded.get(key);
  if (module === undefined) {
    module = load();
    loaded.set(key, module);
  }
  return module;
}

async function loadOwn(name: string): Promise<AnyModule | undefined> {
  const exported = await importOwn(name);
  if (exported === undefined) return undefined;
  const flaws = moduleFlaws(exported.module);
  if (flaws.length > 0) throw new Error(`module "${name}": ${flaws.map(({ text }) => text).join('; ')}`);
  // `moduleFlaws` has looked at every part.
  return exported.module as AnyModule;
}

async function loadUsers(name: string, file: string): Promise<AnyModule> {
  const exported = await importUsers(name, file);
  const flaws = moduleFlaws(exported);
  if (flaws.length > 0) throw malformed(name, file, flaws);
  return asUsers(exported as AnyModule, { name, file });
}

function malformed(name: string, file: string, flaws: readonly Flaw[]): PitrError {
  const places = flaws.map(({ part }) => named(placeOfPart(file, part)));
  const [only] = flaws;
  return new PitrError({
    kind: 'validation',
    code: 'module-malformed',
    message:
      flaws.length === 1
        ? `module "${name}" is not formed as a module: ${only?.text ?? ''}`
        : `module "${name}" is not formed as a module`,
    at: places[0],
    details:
      flaws.length === 1
        ? []
        : flaws.map(({ text }, i) => `${places[i]?.file ?? file}:${places[i]?.line ?? 1}: ${text}`),
    next: ['docs/writing-modules.md tells the parts of a module.'],
  });
}

/** The families whose modules may be called without them: what everybody means by `copy` or `command`. */
const BARE_FAMILIES = ['core', 'fs', 'service'];

/**
 * The full name of a module as a playbook writes it: `fs.copy` is itself; `copy` is the module of that name in `core`,
 * `fs` or `service`, `core`'s where several have one. Modules of other families are called by their full name alone:
 * `pause` would be another thing to each reader.
 *
 * Throws kind `validation` with the nearest names when there is none, or all of them when there are several.
 */
export function resolveModuleName(written: string, names: readonly string[]): string {
  const found = modulesCalled(written, names);
  if (found.length === 1 && found[0] !== undefined) return found[0];
  if (found.length === 0) throw unknownModule(written, names);
  throw new PitrError({
    kind: 'validation',
    code: 'module-ambiguous',
    message: `several modules are called "${written}": ${found.join(', ')}`,
    next: [`Write the full name: ${found.join(' or ')}.`],
  });
}

/** All modules that a written name means; `core`'s hides the others. */
export function modulesCalled(written: string, names: readonly string[]): readonly string[] {
  if (names.includes(written)) return [written];
  if (written.includes('.')) return [];
  const core = `core.${written}`;
  if (names.includes(core)) return [core];
  return BARE_FAMILIES.map((family) => `${family}.${written}`).filter((name) => names.includes(name));
}

/** Modules of that name in families that have to be named with it. */
export function modulesOfFamilies(written: string, names: readonly string[]): readonly string[] {
  return written.includes('.') ? [] : names.filter((name) => name.endsWith(`.${written}`));
}

/** The full name of the module that was probably meant. */
export function nearestModule(written: string, names: readonly string[]): string | undefined {
  const full = nearestName(written, names);
  if (full !== undefined || written.includes('.')) return full;
  const bare = nearestName(
    written,
    names.map((name) => name.slice(name.indexOf('.') + 1)),
  );
  if (bare === undefined) return undefined;
  return modulesCalled(bare, names)[0] ?? modulesOfFamilies(bare, names)[0];
}

function unknownModule(written: string, names: readonly string[]): PitrError {
  const full = modulesOfFamilies(written, names);
  if (full.length > 0) {
    return new PitrError({
      kind: 'validation',
      code: 'module-without-family',
      message: `"${written}" is written with its family: ${full.join(' or ')}`,
    });
  }
  const near = nearestModule(written, names);
  const family = written.includes('.') ? `${written.slice(0, written.indexOf('.'))}.` : undefined;
  const relatives = family === undefined ? [] : names.filter((name) => name.startsWith(family));
  return new PitrError({
    kind: 'validation',
    code: 'module-unknown',
    message: `there is no module "${written}"${near === undefined ? '' : ` (did you mean "${near}"?)`}`,
    details: relatives.length > 0 ? [`the family has: ${relatives.join(', ')}`] : [],
    next: ['pitr modules'],
  });
}

function nameTaken(name: string, folder: string): PitrError {
  return new PitrError({
    kind: 'validation',
    code: 'module-name-taken',
    message: `module "${name}" in ${folder} has the name of one of pitr's own modules`,
    next: ['Give it another name, or another family.'],
  });
}
