import { FindTexts, KEY_LENGTH } from './find-texts.ts';
import { MASK, maskedParts, Secret } from './secret.ts';
import { formsOf } from './secret-forms.ts';
import { isFlag, isSecretName, NAMED_VALUE } from './secret-names.ts';
import { secretsInText } from './secrets-in-text.ts';
import { Unknown } from './unknown.ts';

/** Where a secret was met: the name that says that it is one, and the file that holds it in clear. */
export interface SecretOrigin {
  readonly name: string;
  readonly file?: string | undefined;
}

const NUMBER = /^\d{1,6}$/;

/** Words that stand in so many texts that a secret which is one of them cannot be masked wherever it stands. */
const COMMON = new Set(
  [
    'admin administrator backup barman changeme database default docker false guest host hostname localhost',
    'master none null pass passwd password patroni pgpass postgres postgresql primary private public read replica',
    'replication replicator repl rewind root secret service standby system test token true user username write',
  ].flatMap((line) => line.split(' ')),
);

/**
 * Masks known secrets in text before it reaches any reader (display, journal, errors): by value, in every form in which
 * something carried them on, wherever the text came from; and whatever has the name of a secret in data.
 *
 * A secret that is shorter than four characters, a number of up to six digits, one of the words that stand everywhere
 * (`postgres`) or the name of something in the inventory would take half the output with it: it is masked only where
 * its name stands before it.
 */
export class Masker {
  readonly #secrets = new Map<string, SecretOrigin[]>();
  readonly #common = new Set<string>();
  #patterns: Patterns | undefined;

  add(secret: string, origin?: SecretOrigin): void {
    if (secret.trim() === '' || secret === MASK || isFlag(secret)) return;
    let origins = this.#secrets.get(secret);
    if (origins === undefined) {
      origins = [];
      this.#secrets.set(secret, origins);
      this.#patterns = undefined;
    }
    if (
      origin !== undefined &&
      !origins.some(({ name, file }) => name === origin.name && file === origin.file)
    )
      origins.push(origin);
  }

  /** Names (of hosts, users, databases) that are no secret, although a secret may be the same word. */
  addCommon(words: Iterable<string>): void {
    for (const word of words) this.#common.add(word.toLowerCase());
    this.#patterns = undefined;
  }

  /**
   * Takes every secret out of named values as they are written: what has the name of one, at any depth, and what texts say of
   * themselves. A text with `{{` in it has yet to be rendered, and is learnt when it is.
   */
  learn(values: object, file?: (path: readonly (string | number)[]) => string | undefined): void {
    this.#learn(values, [], undefined, { file, rendered: false });
  }

  /** The same of what nobody renders any more. `{{` stands for itself there: a script has `docker ps --format '{{.Names}}'`. */
  learnRendered(values: object): void {
    this.#learn(values, [], undefined, { rendered: true });
  }

  /** Whether there is a secret in the text that is masked there; gives the names of those that are. */
  secretsIn(text: string): readonly string[] {
    const { forms, named, origins } = this.#compiled();
    const found = [
      ...[...forms.foundIn(text)].map(({ found: form }) => origins.get(form)),
      ...[...text.matchAll(named ?? NEVER)].map(([all, name = '']) =>
        this.#secrets.get(all.slice(name.length)),
      ),
    ];
    return [
      ...new Set(
        found.flatMap((from = []) => (from.length === 0 ? ['a secret'] : from.map(({ name }) => name))),
      ),
    ];
  }

  /** The files that hold secrets in clear, each with the names. */
  files(): ReadonlyMap<string, readonly string[]> {
    const files = new Map<string, Set<string>>();
    for (const { name, file } of [...this.#secrets.values()].flat()) {
      if (file !== undefined) files.set(file, (files.get(file) ?? new Set()).add(name));
    }
    return new Map([...files].map(([file, names]) => [file, [...names]]));
  }

  /** The names of secrets that cannot be masked wherever they stand. */
  weak(): readonly string[] {
    const weak = [...this.#secrets].filter(([secret]) => this.#isWeak(secret));
    return [...new Set(weak.flatMap(([, origins]) => origins.map(({ name }) => name)))];
  }

  text(text: string): string {
    if (this.#secrets.size === 0 || text === '') return text;
    const { forms, named } = this.#compiled();
    let out = forms.replaceIn(text, MASK);
    if (named !== undefined) out = out.replace(named, `$1${MASK}`);
    return CUT.test(out) ? this.#withoutParts(out) : out;
  }

  /** A copy of plain data with every text masked, and with it what has the name of a secret. */
  data<T>(value: T): T {
    return maskedParts(value, (text) => this.text(text)) as T;
  }

  /** Masks a text that comes in pieces: a secret may begin in one and end in the next. */
  stream(): MaskedStream {
    let kept = '';
    return {
      push: (piece) => {
        const all = kept + piece;
        const end = this.#compiled().forms.settledIn(all);
        kept = all.slice(end);
        return this.text(all.slice(0, end));
      },
      end: () => {
        const rest = this.text(kept);
        kept = '';
        return rest;
      },
    };
  }

  #learn(value: unknown, path: readonly (string | number)[], name: string | undefined, how: Learning): void {
    const { file, rendered } = how;
    if (value instanceof Unknown) return;
    if (value instanceof Secret) {
      this.add(value.reveal(), name === undefined ? undefined : { name });
    } else if (typeof value === 'string' || typeof value === 'number') {
      const text = String(value);
      if (!rendered && text.includes('{{')) return;
      const last = path.at(-1);
      const direct = typeof value === 'string' || (typeof last === 'string' && isSecretName(last));
      if (name !== undefined && direct) this.add(text, { name, file: file?.(path) });
      else if (name === undefined && typeof value === 'string') {
        for (const found of secretsInText(value))
          this.add(found, { name: String(last ?? 'a connection string'), file: file?.(path) });
      }
    } else if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) this.#learn(item, [...path, index], name, how);
    } else if (value !== null && typeof value === 'object' && 'toJSON' in value) {
      // It is shown and kept as that: a URL with its password, say.
      if (typeof value.toJSON === 'function') this.#learn(value.toJSON(), path, name, how);
    } else if (value !== null && typeof value === 'object' && isPlain(value)) {
      for (const [key, inner] of Object.entries(value))
        this.#learn(inner, [...path, key], name ?? (isSecretName(key) ? key : undefined), how);
    }
  }

  #isWeak(secret: string): boolean {
    const word = secret.trim().toLowerCase();
    return word.length < KEY_LENGTH || NUMBER.test(word) || COMMON.has(word) || this.#common.has(word);
  }

  #compiled(): Patterns {
    if (this.#patterns !== undefined) return this.#patterns;
    const origins = new Map<string, readonly SecretOrigin[]>();
    const weak: string[] = [];
    for (const [secret, from] of this.#secrets) {
      if (this.#isWeak(secret)) weak.push(secret);
      else for (const form of formsOf(secret)) origins.set(form, from);
    }
    this.#patterns = {
      origins,
      forms: new FindTexts(origins.keys()),
      named:
        weak.length === 0
          ? undefined
          : new RegExp(
              `${NAMED_VALUE.source}(?:${longestFirst(weak).map(escaped).join('|')})(?![\\w-])`,
              'gi',
            ),
    };
    return this.#patterns;
  }

  /** Where a text was cut (`...`), what is left of a secret there is masked as well. */
  #withoutParts(text: string): string {
    const { forms } = this.#compiled();
    let out = '';
    let at = 0;
    for (const cut of text.matchAll(new RegExp(CUT, 'g'))) {
      const before = text.slice(at, cut.index);
      const begun = forms.begunAtEnd(before);
      out += begun >= KEY_LENGTH ? `${before.slice(0, -begun)}${MASK}` : before;
      out += cut[0];
      at = cut.index + cut[0].length;
      const rest = forms.endedAtStart(text.slice(at));
      if (rest > 0) out += MASK;
      at += rest;
    }
    return out + text.slice(at);
  }
}

export interface MaskedStream {
  /** The next piece, masked; what may be the beginning of a secret is kept back. */
  push(piece: string): string;
  /** What was kept back. */
  end(): string;
}

interface Learning {
  readonly file?: ((path: readonly (string | number)[]) => string | undefined) | undefined;
  readonly rendered: boolean;
}

interface Patterns {
  readonly origins: ReadonlyMap<string, readonly SecretOrigin[]>;
  readonly forms: FindTexts;
  readonly named: RegExp | undefined;
}

const NEVER = /(?!)/g;

/** The marks with which pitr and others say that a text goes on. */
const CUT = /\s?(?:\.\.\.|…)/;

function longestFirst(texts: Iterable<string>): readonly string[] {
  return [...texts].sort((a, b) => b.length - a.length);
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
