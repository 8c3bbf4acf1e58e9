import { Secret } from '../../base/values/secret.ts';
import { Unknown } from '../../base/values/unknown.ts';

/** Thrown through the renderer: what it touched is unknown, so the whole result is. */
export class TouchedUnknown extends Error {
  readonly unknown: Unknown;

  constructor(unknown: Unknown) {
    super('unknown');
    this.unknown = unknown;
  }
}

/** A value with its secrets revealed, and whether there were any. Throws `TouchedUnknown`. */
export function open(
  value: unknown,
  depth: 'deep' | 'shallow',
): { readonly value: unknown; readonly secret: boolean } {
  if (value instanceof Unknown) throw new TouchedUnknown(value);
  if (value instanceof Secret) return { value: value.reveal(), secret: true };
  if (depth === 'shallow' || value === null || typeof value !== 'object') return { value, secret: false };
  let secret = false;
  const inner = (part: unknown): unknown => {
    const opened = open(part, 'deep');
    secret ||= opened.secret;
    return opened.value;
  };
  const copy = Array.isArray(value)
    ? value.map(inner)
    : Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inner(part)]));
  return { value: secret ? copy : value, secret };
}

/** Every text inside a value made secret: the result of a helper that was given a secret. */
export function seal(value: unknown): unknown {
  if (typeof value === 'string') return new Secret(value);
  if (Array.isArray(value)) return value.map(seal);
  if (value !== null && typeof value === 'object' && !(value instanceof Secret)) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, seal(part)]));
  }
  return value;
}
