import { readFile } from 'node:fs/promises';
import { isAbsolute, resolve } from 'node:path';
import { didYouMean } from '../lib/base/errors/nearest.ts';
import { PitrError } from '../lib/base/errors/pitr-error.ts';
import { MASK } from '../lib/base/values/secret.ts';
import { isSecretName } from '../lib/base/values/secret-names.ts';
import { utf8Text } from '../lib/base/values/utf8.ts';
import { TO_FILL_IN } from '../lib/engine/back/masked.ts';
import { NAMES_OF_PITR } from '../lib/language/inventory/connection-vars.ts';
import { MAGIC_VARIABLES } from '../lib/language/playbook/variables.ts';
import type { Located } from '../lib/language/yaml/located.ts';
import { askBecomePassword } from './ask-password.ts';
import { BECOME_PASSWORD, readBecomePassword } from './become-password.ts';
import type { Io } from './io.ts';
import { type Assignment, splitAssignments } from './split-assignments.ts';
import { usageError } from './usage-error.ts';

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * The variables of all `-e`, later ones over earlier ones; the masker learns the secrets among them.
 *
 * - `name=value`, and several of them with blanks between: a value is text exactly as typed; in quotes where it holds a
 *   blank and then another `name=`. Only the words `true` and `false` without quotes are booleans, since conditions never
 *   take text for one; `{{ }}` would not be rendered, and is refused
 * - `{...}`: a map in YAML or JSON, types as written there
 * - `@path`: a file that holds such a map, relative to where pitr was started
 *
 * With `--ask-become-pass` or `PITR_BECOME_PASSWORD_FILE` also the password for sudo or su on hosts of which the
 * inventory says none.
 *
 * Throws kind `usage` for what is none of these, for `{{ }}` and for names that pitr itself gives, kind `validation` for a file or map
 * that cannot be read.
 */
export async function readExtraVars(
  options: { readonly 'extra-vars': readonly string[]; readonly 'ask-become-pass': boolean },
  { cwd, env, stdin, stderr, masker }: Pick<Io, 'cwd' | 'env' | 'stdin' | 'stderr' | 'masker'>,
): Promise<Readonly<Record<string, unknown>>> {
  const all = new Map<string, unknown>();
  const passwordFile = env.PITR_BECOME_PASSWORD_FILE;
  if (options['ask-become-pass']) {
    all.set(BECOME_PASSWORD, await askBecomePassword({ stdin, stderr }));
  } else if (passwordFile !== undefined && passwordFile !== '') {
    const told = await readBecomePassword(resolve(cwd, passwordFile));
    if (told.warning !== undefined) stderr.write(`Warning: ${told.warning}\n`);
    all.set(BECOME_PASSWORD, told.password);
  }
  for (const one of options['extra-vars']) {
    const { variables, file } = await variablesOf(one, cwd);
    for (const [name, value] of variables) {
      if (isSecretName(name) && (value === MASK || value === TO_FILL_IN)) throw secretToFillIn(name);
      all.set(name, value);
    }
    masker.learn(Object.fromEntries(variables), () => file);
  }
  return Object.fromEntries(all);
}

interface Read {
  readonly variables: readonly (readonly [string, unknown])[];
  /** The file that they come from. */
  readonly file?: string;
}

async function variablesOf(typed: string, cwd: string): Promise<Read> {
  if (typed.startsWith('@')) return fromFile(typed.slice(1), cwd);
  if (typed.trimStart().startsWith('{')) return { variables: await fromMap('-e', typed) };
  const assignments = splitAssignments(typed);
  if (assignments === undefined) {
    throw usageError(
      'extra-var-malformed',
      `-e ${JSON.stringify(typed)} is not name=value, {"name": value} or @file`,
      {
        next: [`-e ${NAME.test(typed) ? typed : 'name'}=value`],
      },
    );
  }
  for (const { name, value } of assignments) {
    checkName(name);
    if (holdsTemplate(value)) throw templateRefused(name);
  }
  return { variables: assignments.map((one) => [one.name, assigned(one)]) };
}

function assigned({ value, quoted }: Assignment): string | boolean {
  if (quoted) return value;
  return value === 'true' ? true : value === 'false' ? false : value;
}

async function fromFile(path: string, cwd: string): Promise<Read> {
  const absolute = isAbsolute(path) ? path : resolve(cwd, path);
  let text: string;
  try {
    text = utf8Text(await readFile(absolute), path);
  } catch (error) {
    if (error instanceof PitrError) throw error;
    throw new PitrError({
      kind: 'validation',
      code: 'extra-vars-file-unreadable',
      message: `the file of -e @${path} cannot be read: ${reasonOf(error)}`,
      details: [`looked for ${absolute}`],
      cause: error,
    });
  }
  return { variables: await fromMap(path, text), file: absolute };
}

async function fromMap(file: string, text: string): Promise<readonly (readonly [string, unknown])[]> {
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
    const wrong = flawOf(name);
    if (wrong !== undefined) throw wrong.with({ at: loaded.locateKey([name]) });
    if (holdsTemplate(Reflect.get(value, name)))
      throw templateRefused(name).with({ at: loaded.locateKey([name]) });
  }
  return Object.entries(value);
}

/** `{{ name }}` somewhere in a value; braces that are never closed are no template anywhere. */
function holdsTemplate(value: unknown): boolean {
  if (typeof value === 'string') return /\{\{[^{}]+\}\}/.test(value);
  return value !== null && typeof value === 'object' && Object.values(value).some(holdsTemplate);
}

/** What is given stays as it is: a path made of another variable would be one with braces in its name. */
function templateRefused(name: string): PitrError {
  return usageError('extra-var-template', `-e ${name}: {{ }} in a value of -e is not rendered`, {
    next: [
      'Write what it stands for.',
      `Or set "${name}" in the inventory or in vars: {{ }} is rendered there, and \\{{ stands for braces that are meant as text.`,
    ],
  });
}

/** A password that is none, tried on all hosts, may lock the login out. */
function secretToFillIn(name: string): PitrError {
  return usageError(
    'extra-var-masked',
    `-e ${name} has what a shown command has in the place of a secret, and not the secret`,
    { next: ['Type the secret in its place, or name a file that holds it: -e @file'] },
  );
}

function checkName(name: string): void {
  const wrong = flawOf(name);
  if (wrong !== undefined) throw wrong;
}

function flawOf(name: string): PitrError | undefined {
  if (!NAME.test(name)) {
    return usageError(
      'extra-var-name-invalid',
      `${JSON.stringify(name)} cannot be the name of a variable: letters, digits and _, not a digit first`,
    );
  }
  if ((MAGIC_VARIABLES as readonly string[]).includes(name)) {
    return usageError(
      'extra-var-reserved',
      `"${name}" is set by pitr itself for every host, and cannot be given with -e`,
      {
        next: name === 'inventory_hostname' ? ['To choose hosts: --limit <host>'] : ['Take another name.'],
      },
    );
  }
  if (name.startsWith('pitr_') && !NAMES_OF_PITR.includes(name)) {
    return usageError(
      'variable-unknown',
      `pitr has no variable "${name}"${didYouMean(name, NAMES_OF_PITR)}`,
      {
        details: [`Names that begin with pitr_ are pitr's own: ${NAMES_OF_PITR.join(', ')}.`],
      },
    );
  }
  return undefined;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'EACCES') return 'permission denied';
  return error.message;
}
