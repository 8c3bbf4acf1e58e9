import { spelledBoolean } from '../../base/values/yes.ts';

/** A helper of the template language. What it is given is plain: secrets are opened before, and closed again after. */
export interface Helper {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** As it is written: `(join list separator)`. */
  readonly usage: string;
  /** A template and what it gives; the docs show it and the tests run it. */
  readonly example: {
    readonly template: string;
    readonly context?: Readonly<Record<string, unknown>>;
    readonly gives: unknown;
  };
  readonly min: number;
  readonly max: number;
  /** Takes named arguments: `(dict a=1)`. */
  readonly named?: true;
  /**
   * How far secrets and unknown values inside its arguments matter: `deep` everywhere (default), `shallow` only the
   * arguments themselves, `none` when it hands its arguments on untouched.
   */
  readonly opens?: 'deep' | 'shallow' | 'none';
  /** Throws `HelperFailure`. Helpers that choose among their arguments are run by the renderer itself. */
  readonly run: (args: readonly unknown[], named: Readonly<Record<string, unknown>>) => unknown;
}

/** A helper that cannot do its work with these arguments. The message names types, never values. */
export class HelperFailure extends Error {}

/** What sort of value it is, in the operator's words. */
export function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (value === undefined) return 'missing';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'boolean') return 'true or false';
  if (typeof value === 'number' || typeof value === 'bigint') return 'a number';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}

export function textOf(value: unknown, what: string): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint')
    return String(value);
  throw new HelperFailure(`${what} must be text, not ${kindOf(value)}`);
}

export function numberOf(value: unknown, what: string): number {
  if (typeof value === 'number') return value;
  // A number that came through text (`-e port=5431`) is still one.
  if (typeof value === 'string' && /^-?\d+(?:\.\d+)?$/.test(value)) return Number(value);
  throw new HelperFailure(`${what} must be a number, not ${kindOf(value)}`);
}

export function listOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new HelperFailure(`${what} must be a list, not ${kindOf(value)}`);
}

/** As Handlebars has it: missing, null, false, 0, an empty text and an empty list do not hold. */
export function isFilled(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

/** Whether a value that is tested holds. A text that says no would, and is refused: false may well have been meant. */
export function truthy(value: unknown): boolean {
  if (typeof value === 'string' && spelledBoolean(value) === false)
    throw new HelperFailure(
      'a text that says no, off or false is tested; where it is set, write false without quotes, or test (ne x "off")',
    );
  return isFilled(value);
}
