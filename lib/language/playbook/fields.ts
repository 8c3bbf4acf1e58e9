import { didYouMean } from '../../base/errors/nearest.ts';
import { located, part } from '../yaml/load.ts';
import type { Located } from '../yaml/located.ts';
import { type Keywords, unknownKey } from './keywords.ts';
import type { Condition } from './model.ts';
import type { ProblemList } from './problems.ts';

/** A mapping of a playbook, read key by key. What is wrong becomes a problem; the reading goes on without it. */
export class Fields {
  readonly located: Located<Mapping>;
  /** `a task`, `a play`: for messages. */
  readonly what: string;
  readonly #problems: ProblemList;

  constructor(mapping: Located<Mapping>, what: string, problems: ProblemList) {
    this.located = mapping;
    this.what = what;
    this.#problems = problems;
  }

  get keys(): readonly string[] {
    return Object.keys(this.located.value);
  }

  has(key: string): boolean {
    return Object.hasOwn(this.located.value, key);
  }

  part(key: string): Located {
    return part(this.located, [key]);
  }

  /** A text; `{{ }}` in it is rendered later. Numbers and booleans are taken as they are written. */
  text(key: string): Located<string> | undefined {
    const value = this.located.value[key];
    if (!this.has(key)) return undefined;
    if (typeof value === 'string' && value.trim() !== '') return typed(this.part(key));
    if (typeof value === 'number' || typeof value === 'boolean')
      return located(String(value), this.part(key).at);
    return this.#wrong(key, 'must be a text');
  }

  /** A text that is known now: no `{{ }}`. */
  constant(key: string, why: string): string | undefined {
    const text = this.text(key);
    if (text?.value.includes('{{')) return this.#wrong(key, `cannot hold {{ }}: ${why}`);
    return text?.value;
  }

  flag(key: string): boolean | undefined {
    const value = this.located.value[key];
    if (!this.has(key) || typeof value === 'boolean') return value as boolean | undefined;
    return this.#wrong(key, 'must be true or false', truthHint(value));
  }

  /** A number in a range that is known now. */
  number(key: string, range: { readonly min: number; readonly max?: number }): number | undefined {
    const value = this.located.value[key];
    if (!this.has(key)) return undefined;
    const { min, max = Number.POSITIVE_INFINITY } = range;
    if (typeof value === 'number' && value >= min && value <= max) return value;
    return this.#wrong(
      key,
      `must be a number${max === Number.POSITIVE_INFINITY ? ` from ${min}` : ` from ${min} to ${max}`}`,
    );
  }

  /** A number, or a template that gives one. */
  amount(key: string, min: number): Located<number | string> | undefined {
    const value = this.located.value[key];
    if (!this.has(key)) return undefined;
    if (typeof value === 'number' && value >= min) return typed(this.part(key));
    if (typeof value === 'string' && value.includes('{{')) return typed(this.part(key));
    return this.#wrong(key, `must be a number from ${min}, or a template that gives one`);
  }

  /** One of a few words. */
  choice<W extends string>(key: string, words: readonly W[]): W | undefined {
    const value = this.located.value[key];
    if (!this.has(key)) return undefined;
    const found = words.find((word) => word === value);
    if (found !== undefined) return found;
    const near = typeof value === 'string' ? didYouMean(value, words) : '';
    return this.#wrong(key, `must be one of: ${words.join(', ')}${near}`);
  }

  /** A text or a list of texts. */
  texts(key: string): readonly Located<string>[] {
    const value = this.located.value[key];
    if (!this.has(key) || value === null) return [];
    if (typeof value === 'string' && value.trim() !== '') return [typed(this.part(key))];
    const list = Array.isArray(value) ? value : undefined;
    if (list?.every((item) => typeof item === 'string' && item.trim() !== '')) {
      return list.map((_, i) => typed(part(this.located, [key, i])));
    }
    const bad = list?.findIndex((item) => typeof item !== 'string' || item.trim() === '');
    this.#wrong(key, 'must be a text or a list of texts', undefined, bad === undefined ? [key] : [key, bad]);
    return [];
  }

  /** A condition or a list of them, which all must hold; an empty list says nothing. */
  conditions(key: string): readonly Condition[] | undefined {
    if (!this.has(key)) return undefined;
    const value = this.located.value[key];
    if (!Array.isArray(value)) return this.#condition([key]);
    if (value.length === 0) return undefined;
    return value.flatMap((_, i) => this.#condition([key, i]));
  }

  #condition(path: readonly [string, ...number[]]): Condition[] {
    const condition = part(this.located, path);
    const { value } = condition;
    if (typeof value === 'boolean') return [typed(condition)];
    if (typeof value === 'string' && value.trim() !== '') {
      const hint = /^(true|false)$/.test(value) ? undefined : truthHint(value);
      if (hint === undefined) return [typed(condition)];
      this.#wrong(path[0], 'must be a condition or a boolean', hint, path);
      return [];
    }
    this.#wrong(path[0], 'must be a condition (a text), true or false', undefined, path);
    return [];
  }

  mapping(key: string): Located<Mapping> | undefined {
    if (!this.has(key) || this.located.value[key] === null) return undefined;
    const written = this.part(key);
    return isMappingPart(written) ? written : this.#wrong(key, 'must be a mapping (name: value lines)');
  }

  /** The items of a list; an empty key (all of it commented out) is an empty list. */
  items(key: string): readonly Located[] {
    const value = this.located.value[key];
    if (!this.has(key) || value === null) return [];
    if (Array.isArray(value)) return value.map((_, i) => part(this.located, [key, i]));
    this.#wrong(key, 'must be a list (lines that start with "- ")');
    return [];
  }

  /** Reports the keys that are not known here; `except` have been dealt with. */
  refuseUnknown(known: Keywords, except: readonly string[] = []): void {
    for (const key of this.keys) {
      if (Object.hasOwn(known, key) || except.includes(key)) continue;
      this.keyProblem(key, 'unknown-key', unknownKey(key, known, this.what));
    }
  }

  keyProblem(key: string, code: string, message: string, ...hints: string[]): void {
    this.#problems.add({ code, message, at: this.located.locateKey([key]), hints });
  }

  problem(code: string, message: string, ...hints: string[]): void {
    this.#problems.add({ code, message, at: this.located.at, hints });
  }

  /** A problem with the value of a key: `"serial" must be ...`. */
  wrong(key: string, must: string, hint?: string): void {
    this.#wrong(key, must, hint);
  }

  #wrong(key: string, must: string, hint?: string, path: readonly (string | number)[] = [key]): undefined {
    const value = part(this.located, path).value;
    this.#problems.add({
      code: 'wrong-value',
      message: `"${key}" ${must}${must.startsWith('must') ? `, but is ${valueWords(value)}` : ''}`,
      at: this.located.locate(path),
      hints: hint === undefined ? [] : [hint],
    });
    return undefined;
  }
}

export type Mapping = Readonly<Record<string, unknown>>;

export function isMapping(value: unknown): value is Mapping {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}

export function isMappingPart(written: Located): written is Located<Mapping> {
  return isMapping(written.value);
}

/** What a value is, for messages: `the text "yes"`, `a list`. */
export function valueWords(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a mapping';
  if (typeof value !== 'string') return `the ${typeof value} ${String(value)}`;
  if (value.trim() === '') return 'an empty text';
  return `the text ${JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}...` : value)}`;
}

/** A place whose value has been looked at: it is what the caller says. */
function typed<T>(checked: Located): Located<T> {
  return checked as Located<T>;
}

function truthHint(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  if (/^(yes|on|y|true)$/i.test(value))
    return 'write true (without quotes); yes and on are plain texts in YAML 1.2';
  if (/^(no|off|n|false)$/i.test(value))
    return 'write false (without quotes); no and off are plain texts in YAML 1.2';
  return undefined;
}
