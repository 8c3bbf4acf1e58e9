import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import { Secret } from '../../base/values/secret.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { Expression } from './expression.ts';

/**
 * The value of an expression as plain data: numbers (text where one is too large), moments as ISO text, an absent
 * optional as null. An `Unknown` when it depends on something unknown, a `Secret` for text when a secret went into it.
 *
 * Throws kind `validation` like `parseCondition`.
 */
export function evaluateExpression(
  text: string,
  context: Readonly<Record<string, unknown>>,
  at?: SourcePosition,
): unknown {
  const result = new Expression(text, at).evaluate(context);
  if (result instanceof Unknown) return result;
  return plainData(result.value, result.secret);
}

function plainData(value: unknown, secret: boolean): unknown {
  if (typeof value === 'string') return secret ? new Secret(value) : value;
  if (typeof value === 'bigint') {
    return value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER
      ? Number(value)
      : String(value);
  }
  if (value === null || typeof value !== 'object') return value ?? null;
  if (Array.isArray(value)) return value.map((item) => plainData(item, secret));
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Map) return plainData(Object.fromEntries(value), secret);
  if (isOptional(value)) return value.hasValue() ? plainData(value.value(), secret) : null;
  const prototype: unknown = Object.getPrototypeOf(value);
  // Types and durations of the library have no data form; their text is what they are.
  if (prototype !== Object.prototype && prototype !== null) return String(value);
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plainData(inner, secret)]));
}

function isOptional(value: object): value is { hasValue(): boolean; value(): unknown } {
  return 'hasValue' in value && typeof value.hasValue === 'function' && 'value' in value;
}
