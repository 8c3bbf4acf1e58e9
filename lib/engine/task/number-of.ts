import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown, UnknownReached } from '../../base/values/unknown.ts';
import type { Located } from '../../language/yaml/located.ts';
import type { Scope } from './scope.ts';

/** A number of a task (`retries`, `timeout`) that may be made of variables. Throws kind `validation` where it is none. */
export function numberOf(
  located: Located<number | string> | undefined,
  fallback: number,
  scope: Scope,
): number {
  if (located === undefined) return fallback;
  const rendered = scope.renderLocated(located);
  if (rendered instanceof Unknown) throw new UnknownReached(rendered);
  const value = typeof rendered === 'string' && rendered.trim() === '' ? Number.NaN : Number(rendered);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new PitrError({
    kind: 'validation',
    code: 'not-a-number',
    message: `a number is needed here, not ${JSON.stringify(rendered)} (${String(located.value)})`,
    at: located.at,
  });
}
