import { isFlag, isSecretName } from './secret-names.ts';

/** What stands where a secret was. */
export const MASK = '********';

/**
 * The value of something that has this name: masked where the name says secret, otherwise a copy in which each part is,
 * and every text is what `text` makes of it. What stands deeper under the name of a secret is masked as far as it is text.
 */
export function maskedByName(name: string, value: unknown, text: (value: string) => string): unknown {
  if (!isSecretName(name)) return maskedParts(value, text);
  if (typeof value === 'number' || typeof value === 'bigint') return MASK;
  return everyText(value);
}

/** The same for a value that has no name, such as an item of a list. */
export function maskedParts(value: unknown, text: (value: string) => string): unknown {
  if (typeof value === 'string') return text(value);
  if (typeof value === 'number' || typeof value === 'bigint') {
    const written = String(value);
    return text(written) === written ? value : MASK;
  }
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map((inner) => maskedParts(inner, text));
  if ('toJSON' in value && typeof value.toJSON === 'function') return maskedParts(value.toJSON(), text);
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [text(key), maskedByName(key, inner, text)]),
  );
}

function everyText(value: unknown): unknown {
  if (typeof value === 'string') return value === '' || isFlag(value) ? value : MASK;
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(everyText);
  if ('toJSON' in value && typeof value.toJSON === 'function') return everyText(value.toJSON());
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, everyText(inner)]));
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
