import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { fileIn, namesIn } from './folder.ts';

// Found by their place: a new module is one file. Where pitr is built into one file, a map of them stands in the place of
// this file (`lab/bundle.mjs`).

const DIRECTORY = path.dirname(fileURLToPath(import.meta.url));

let listed: Promise<readonly string[]> | undefined;

/** The full names of the product's own modules. Nothing is imported. */
export function ownModules(): Promise<readonly string[]> {
  listed ??= namesIn(DIRECTORY);
  return listed;
}

/** What the file of one of pitr's own modules exports as `module`; undefined when there is no such module. */
export async function importOwn(name: string): Promise<{ readonly module: unknown } | undefined> {
  const file = fileIn(DIRECTORY, name);
  return file === undefined ? undefined : await import(pathToFileURL(file).href);
}
