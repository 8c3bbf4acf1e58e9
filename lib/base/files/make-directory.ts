import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory, and those above it that are missing; for its user alone, unless another mode is given. Gives the first one
 * that was made. Node's own `recursive` never ends where the system finds no entry in a directory that is there: one of an
 * automounter, /proc, a working directory that was removed. Throws what the system says.
 */
export function makeDirectory(path: string, mode = 0o700): string | undefined {
  try {
    return made(path, mode);
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (!isMissing || dirname(path) === path) throw error;
  }
  const above = makeDirectory(dirname(path), mode);
  const own = made(path, mode);
  return above ?? own;
}

/** Somebody else may make it at the same time. */
function made(path: string, mode: number): string | undefined {
  try {
    mkdirSync(path, { mode });
    return path;
  } catch (error) {
    const isThere = error instanceof Error && 'code' in error && error.code === 'EEXIST';
    if (isThere && statSync(path).isDirectory()) return undefined;
    throw error;
  }
}
