import { type Dirent, existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

/** A module's file and its family's folder are words like these; a file with a hyphen in its name is a helper. */
const WORD = /^[a-z][a-z0-9_]*$/;
const MODULE_FILE = /^([a-z][a-z0-9_]*)\.(ts|js|mjs)$/;

/** The full names (`fs.copy`) of the modules in a folder of families; none where there is no folder. */
export async function namesIn(folder: string): Promise<string[]> {
  const families = (await entries(folder)).filter((entry) => entry.isDirectory() && WORD.test(entry.name));
  const names = await Promise.all(
    families.map(async (family) =>
      (await entries(path.join(folder, family.name))).flatMap((entry) => {
        const name = entry.isDirectory() ? undefined : MODULE_FILE.exec(entry.name)?.[1];
        return name === undefined ? [] : [`${family.name}.${name}`];
      }),
    ),
  );
  return names.flat();
}

/** The file of a module, by its full name, in a folder of families. */
export function fileIn(folder: string, name: string): string | undefined {
  const [family = '', word = '', ...rest] = name.split('.');
  if (!WORD.test(family) || !WORD.test(word) || rest.length > 0) return undefined;
  return ['ts', 'js', 'mjs']
    .map((extension) => path.join(folder, family, `${word}.${extension}`))
    .find((file) => existsSync(file));
}

/** What lies in a directory; nothing where there is none. */
async function entries(directory: string): Promise<Dirent[]> {
  try {
    return await readdir(directory, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return [];
    throw error;
  }
}
