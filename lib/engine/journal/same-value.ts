import { isDeepStrictEqual } from 'node:util';
import { holdsMask, MASK } from '../../base/values/secret.ts';

/**
 * Whether a value of now is the one that a journal has. Secrets are masked there, so what stands in the place of a mask counts
 * as the same.
 */
export function sameAsJournalled(written: unknown, now: unknown): boolean {
  return same(written, plain(now));
}

/** Whether a value in a journal holds no secret: two that look the same there may be two otherwise. */
export function isUnmasked(written: unknown): boolean {
  return !holdsMask(written) && !hasMaskedKey(written);
}

function same(written: unknown, now: unknown): boolean {
  if (typeof written === 'string' && holdsMask(written)) return fits(written, now);
  if (isUnmasked(written)) return isDeepStrictEqual(written, now);
  if (hasMaskedKey(written)) return true;
  const [parts, others] = [Object(written), Object(now)];
  const keys = Object.keys(parts);
  return (
    Array.isArray(written) === Array.isArray(now) &&
    keys.length === Object.keys(others).length &&
    keys.every((key) => Object.hasOwn(others, key) && same(parts[key], others[key]))
  );
}

/** Numbers and all values of a `no_log` task are masked, too. */
function fits(masked: string, now: unknown): boolean {
  if (now === null || typeof now === 'object') return false;
  const known = masked.split(MASK).map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
  return new RegExp(`^${known.join('.*')}$`, 's').test(String(now));
}

function hasMaskedKey(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false;
  return Object.entries(value).some(([key, inner]) => holdsMask(key) || hasMaskedKey(inner));
}

/** As a journal would write it. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}
