import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { PitrError } from '../lib/base/errors/pitr-error.ts';

/**
 * `--limit`: a host pattern as typed, or `@path`: a file with one pattern a line (blank lines and what follows `#` are
 * left out), relative to where pitr was started. The journal then holds the hosts, so that the file need not be there
 * any more when the run is continued. Throws kind `validation` for a file that cannot be read or names nobody.
 */
export async function readLimit(typed: string | undefined, cwd: string): Promise<string | undefined> {
  if (typed === undefined || !typed.startsWith('@')) return typed;
  const path = resolve(cwd, typed.slice(1));
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw limitError('limit-file-unreadable', `the file of --limit ${typed} cannot be read: ${reason}`, path);
  });
  const patterns = text
    .split('\n')
    .map((line) => line.replace(/(^|\s)#.*/, '').trim())
    .filter((line) => line !== '');
  if (patterns.length > 0) return patterns.join(',');
  throw limitError('limit-file-empty', `the file of --limit ${typed} names no host`, path);
}

function limitError(code: string, message: string, path: string): PitrError {
  return new PitrError({
    kind: 'validation',
    code,
    message,
    details: [`looked for ${path}`],
    next: ['Write one host, group or pattern a line into it.'],
  });
}
