/** What stands where a secret was. */
export const MASK = '********';

/** Names of variables whose value is a secret, whatever it is. */
export const SECRET_NAME = /pass(word|phrase|wd)?$|secret|token|private_key$/i;

/** A copy of plain data in which what has the name of a secret is masked. */
export function withoutSecrets(values: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const masked = (value: unknown): unknown => {
    if (value === null || typeof value !== 'object') return value;
    return Array.isArray(value) ? value.map(masked) : withoutSecrets({ ...value });
  };
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, SECRET_NAME.test(name) ? MASK : masked(value)]),
  );
}

/** Whether a secret was masked anywhere in plain data. */
export function holdsMask(value: unknown): boolean {
  if (typeof value === 'string') return value.includes(MASK);
  return value !== null && typeof value === 'object' && Object.values(value).some(holdsMask);
}

/** A value that must not be printed: `toString`, JSON and inspection all give a mask; `reveal()` gives the value. */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return MASK;
  }

  toJSON(): string {
    return MASK;
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return MASK;
  }
}

/**
 * Masks known secrets in text before it reaches any reader (display, journal, errors): by value, wherever the
 * text came from. Secrets shorter than four characters are not masked, or every other word would be.
 */
export class Masker {
  readonly #values = new Set<string>();

  add(secret: string): void {
    if (secret.length < 4) return;
    this.#values.add(secret);
    const encoded = encodeURIComponent(secret);
    if (encoded !== secret) this.#values.add(encoded);
  }

  text(text: string): string {
    let out = text;
    for (const value of this.#values) if (out.includes(value)) out = out.replaceAll(value, MASK);
    return out;
  }

  /** A copy of plain data with every string masked; the same object when there is nothing to mask. */
  data<T>(value: T): T {
    if (this.#values.size === 0) return value;
    return this.#walk(value) as T;
  }

  #walk(value: unknown): unknown {
    if (typeof value === 'string') return this.text(value);
    if (value === null || typeof value !== 'object') return value;
    if (Array.isArray(value)) return value.map((inner) => this.#walk(inner));
    if ('toJSON' in value && typeof value.toJSON === 'function') return this.#walk(value.toJSON());
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, this.#walk(inner)]));
  }
}
