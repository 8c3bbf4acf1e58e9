import { posix } from 'node:path';
import { z } from 'zod';

const onHost = z
  .string()
  .refine((path) => path.startsWith('/'), 'expected an absolute path, one that starts with /')
  .refine((path) => !path.includes('\0'), 'a path cannot hold a NUL character')
  .refine((path) => !path.split('/').includes('..'), 'write the path without ".."');

/** Like `absolutePath`, but a slash at its end is kept: it says that a directory is meant. */
export const destinationPath = onHost;

/** An absolute path on a host, without `.`, `..`, doubled slashes or a slash at its end. */
export const absolutePath = onHost.overwrite((path) => normalPath(path));

/** The path without `.`, doubled slashes or a slash at its end. */
export function normalPath(path: string): string {
  const normal = posix.normalize(path);
  return normal.length > 1 ? normal.replace(/\/+$/, '') : normal;
}

export function parentOf(path: string): string {
  return posix.dirname(path);
}

/** How many names deep a path is: `/` 0, `/var` 1, `/var/lib` 2. */
export function depthOf(path: string): number {
  return path.split('/').filter((part) => part !== '').length;
}

/** The hidden name beside a path under which a run keeps what was there, or stages what comes. */
export function besidePath(path: string, runId: string, what = ''): string {
  return posix.join(posix.dirname(path), `.${posix.basename(path)}.pitr-${runId}${what}`);
}
