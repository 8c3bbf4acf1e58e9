import { holdsMask } from '../../base/values/secret.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { Change, Journalled, Result } from '../../contract/module.ts';

/**
 * A journal has a mask where a secret was. What that means to whoever goes on with a run is decided here, for each thing
 * that the journal holds: a mask is never used as if it were the value.
 */

type Named<T> = Readonly<Record<string, T>>;

interface Variables {
  /** What the journal holds in clear, under what was given again. */
  readonly known: Named<unknown>;
  /** What it masks, and nobody has given again. */
  readonly masked: readonly string[];
}

/**
 * The `-e` of a run, under those of now. A masked one is left out, and counts as missing: without it the playbook's
 * default would stand in its place and nobody would see. So does one that was given as a command shows it. Which of them are
 * needed is for the caller to say.
 */
export function unmaskedVariables(written: Named<unknown>, given: Named<unknown>): Variables {
  const masked = Object.keys(written).filter(
    (name) => holdsMask(written[name]) && (!Object.hasOwn(given, name) || isToFillIn(given[name])),
  );
  return { known: without({ ...written, ...given }, masked), masked };
}

/** As it stands in printed commands for a value that the operator has to type. */
export const TO_FILL_IN = '...';

/** Whether a value is what a shown command has in the place of a secret. */
function isToFillIn(value: unknown): boolean {
  return value === TO_FILL_IN || holdsMask(value);
}

/** Whether a variable leads to a host, so that nobody gets there without it. */
export function leadsToHosts(name: string): boolean {
  return /^(ansible|pitr)_/.test(name);
}

/** What journals held before version 4 although only `apply` had use for it. */
const APPLY_ONLY_BEFORE_4 = ['argv', 'text', 'command'];

/**
 * The field of a change that lost a secret, where `undo` may need it: a wall. An undo writes what its change holds (the old
 * text of a file), and would write the mask onto the host. What people read alone (`summary`, `diff`) may be masked.
 */
export function maskedField(change: Journalled<Change>, isBefore4: boolean): string | undefined {
  const unused = ['summary', 'diff', ...(isBefore4 ? APPLY_ONLY_BEFORE_4 : [])];
  return Object.entries(change).find(([name, value]) => !unused.includes(name) && holdsMask(value))?.[0];
}

interface Environment {
  readonly known: Named<string>;
  readonly masked: readonly string[];
}

/**
 * The environment that a change was made in. A masked variable is not set, which is a warning and no wall: it was set for
 * all commands of a task, mostly of a whole play, and hardly any undo reads it, so that a password there would keep a whole
 * recovery from being taken back. An undo that does read it lacks it altogether, so it fails as it would for a user who has
 * not set it, and can be done again; a mask in its place would be taken for a value. What an undo of a playbook's own
 * (`undo:` of a command) does without it is for its author to say: `"${NAME:?}"`.
 */
export function unmaskedEnvironment(written: Named<string> = {}): Environment {
  const masked = Object.keys(written).filter((name) => holdsMask(written[name]));
  return { known: without(written, masked), masked };
}

/**
 * What later tasks of a resumed run see of a result; nothing where the task has to run again, since it only looked. A change
 * is not made a second time for its result: what that held in secret is not known any more.
 */
export function unmaskedResult(result: Result, kind: 'look' | 'control' | 'change'): Result | undefined {
  if (!holdsMask(result)) return result;
  return kind === 'change' ? (unknownWhereMasked(result) as Result) : undefined;
}

function unknownWhereMasked(value: unknown): unknown {
  if (typeof value === 'string') return holdsMask(value) ? new Unknown('it held a secret') : value;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(unknownWhereMasked);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, unknownWhereMasked(inner)]));
}

/** The name that a task was shown by, to know it again; nothing where a part is masked, for that would fit no name. */
export function unmaskedName(name: string): string | undefined {
  return holdsMask(name) ? undefined : name;
}

/** The names of the handlers that a task has notified; nothing where a part is masked, for one would be left out. */
export function unmaskedNames(names: readonly string[]): readonly string[] | undefined {
  return holdsMask(names) ? undefined : names;
}

/** What `-e` would read as something else: a boolean, a text in quotes, or a second `name=value` after a blank. */
const READ_OTHERWISE = /^(true|false)$|^["']|\s[A-Za-z_][A-Za-z0-9_]*=/;

/**
 * A variable as a word of `-e` in a command that is printed to be typed, which reads it back as it is; `...` where the
 * operator has to fill it in.
 */
export function wordToType(name: string, value: unknown): string {
  if (holdsMask(value)) return `${name}=${TO_FILL_IN}`;
  const plain = typeof value === 'string' && !READ_OTHERWISE.test(value);
  return plain ? `${name}=${value}` : JSON.stringify({ [name]: value });
}

/** The password of `-K` and of PITR_BECOME_PASSWORD_FILE: it is asked for, and stands in no command. */
const ASKED_FOR = 'pitr_become_password';

/** The same with its option: the words that give a variable again. */
export function optionToType(name: string, value: unknown): readonly string[] {
  return name === ASKED_FOR ? ['-K'] : ['-e', wordToType(name, value)];
}

function without<T>(written: Named<T>, names: readonly string[]): Named<T> {
  return Object.fromEntries(Object.entries(written).filter(([name]) => !names.includes(name)));
}
