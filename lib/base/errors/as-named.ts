import path from 'node:path';

/** Paths below the working directory are shown relative to it, as the operator would type them. */
export function asNamed(file: string): string {
  const relative = path.relative(process.cwd(), file);
  return relative === '' || relative.startsWith('..') || path.isAbsolute(relative) ? file : relative;
}
