import { readFile } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { PitrError } from '../lib/base/errors/pitr-error.ts';
import type { Located } from '../lib/language/yaml/located.ts';
import { BECOME_PASSWORD, readBecomePassword } from './become-password.ts';
import type { Io } from './io.ts';
import { usageError } from './usage-error.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The variables of all `-e`, later ones over earlier ones.
 *
 * - `name=value`: the value is text exactly as typed, blanks, quotes and digits included (no second `name=` in it is
 *   looked for); only the words `true` and `false` are booleans, since conditions never take text for one
 * - `{...}`: a map in YAML or JSON, types as written there
 * - `@path`: a file that holds such a map, relative to where pitr was started
 *
 * With `PITR_BECOME_PASSWORD_FILE` also the password for sudo or su on hosts of which the inventory says none.
 *
 * Throws kind `usage` for what is none of these, kind `validation` for a file or map that cannot be read.
 */
export async function readExtraVars(
  typed: readonly string[],
  { cwd, env, stderr }: Pick<Io, 'cwd' | 'env' | 'stderr'>,
): Promise<Readonly<Record<string, unknown>>> {
  const all = new Map<string, unknown>();
  const passwordFile = env.PITR_BECOME_PASSWORD_FILE;
  if (passwordFile !== undefined && passwordFile !== '') {
    const told = await readBecomePassword(resolve(cwd, passwordFile));
    if (told.warning !== undefined) stderr.write(`Warning: ${told.warning}\n`);
    all.set(BECOME_PASSWORD, told.password);
  }
  for (const one of typed) {
    for (const [name, value] of await variablesOf(one, cwd)) all.set(name, value);
  }
  return Object.fromEntries(all);
}

async function variablesOf(typed: string, cwd: string): Promise<Iterable<readonly [string, unknown]>> {
  if (typed.startsWith('@')) return fromFile(typed.slice(1), cwd);
  if (typed.trimStart().startsWith('{')) return fromMap('-e', typed);
  const equals = typed.indexOf('=');
  const name = typed.slice(0, Math.max(0, equals));
  if (equals === -1) {
    throw usageError('extra-var-malformed', `-e ${JSON.stringify(typed)} is not name=value, {...} or @file`, {
      next: [`-e ${NAME.test(typed) ? typed : 'name'}=value`],
    });
  }
  checkName(name);
  const value = typed.slice(equals + 1);
  return [[name, value === 'true' ? true : value === 'false' ? false : value]];
}

async function fromFile(path: string, cwd: string): Promise<Iterable<readonly [string, unknown]>> {
  const absolute = isAbsolute(path) ? path : resolve(cwd, path);
  let text: string;
  try {
    text = await readFile(absolute, 'utf8');
  } catch (error) {
    throw new PitrError({
      kind: 'validation',
      code: 'extra-vars-file-unreadable',
      message: `the file of -e @${path} cannot be read: ${reasonOf(error)}`,
      details: [`looked for ${absolute}`],
      cause: error,
    });
  }
  return fromMap(path, text);
}

async function fromMap(file: string, text: string): Promise<Iterable<readonly [string, unknown]>> {
  const { loadYaml } = await import('../lib/language/yaml/load.ts');
  const loaded: Located = loadYaml(file, text);
  const { value } = loaded;
  if (value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new PitrError({
      kind: 'validation',
      code: 'extra-vars-not-a-map',
      message: 'extra variables must be a map of names to values',
      at: loaded.at,
    });
  }
  for (const name of Object.keys(value)) {
    if (!NAME.test(name)) throw badName(name).with({ at: loaded.locateKey([name]) });
  }
  return Object.entries(value);
}

function checkName(name: string): void {
  if (!NAME.test(name)) throw badName(name);
}

function badName(name: string): PitrError {
  return usageError(
    'extra-var-name-invalid',
    `${JSON.stringify(name)} cannot be the name of a variable: letters, digits and _, not a digit first`,
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'EACCES') return 'permission denied';
  return error.message;
}
