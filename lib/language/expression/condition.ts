import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { spelledBoolean } from '../../base/values/yes.ts';
import { Expression } from './expression.ts';
import { truthHint } from './hints.ts';
import type { VariableRef } from './variables.ts';

export interface ParsedCondition {
  readonly text: string;
  /** What it reads, left to right; not what its macros (`exists`, `filter`, ...) bind. */
  readonly variables: readonly VariableRef[];
  /**
   * Whether it holds. Something unknown counts as missing, and where the answer depends on it the answer is that
   * `Unknown`. There is no truthiness: anything but true and false is an error.
   *
   * Throws kind `validation`: `undefined-variable`, `expression-failed`, `condition-not-boolean`.
   */
  evaluate(context: Readonly<Record<string, unknown>>): boolean | Unknown;
}

/**
 * Parses a condition in the Common Expression Language; `at` is where its text begins. Throws kind `validation`, code
 * `expression-syntax`, `expression-type` or `condition-not-boolean`, with a hint for what looks like Jinja.
 */
export function parseCondition(text: string, at?: SourcePosition): ParsedCondition {
  const expression = new Expression(text, at);
  if (expression.type !== 'bool' && expression.type !== 'dyn')
    throw notBoolean(expression, kindOfType(expression.type));
  return {
    text,
    variables: expression.variables,
    evaluate(context) {
      const result = expression.evaluate(context);
      if (result instanceof Unknown) return result;
      if (typeof result.value === 'boolean') return result.value;
      throw notBoolean(expression, kindOfValue(result.value), result.secret ? undefined : result.value);
    },
  };
}

function notBoolean(expression: Expression, kind: string, value?: unknown) {
  const meant = typeof value === 'string' ? spelledBoolean(value) : undefined;
  const hint =
    meant === undefined
      ? truthHint(kind)
      : `The value is the text "${String(value)}": where it is set, write ${meant} without quotes.`;
  return expression.error('condition-not-boolean', `a condition must be true or false, not ${kind}`, 0, hint);
}

function kindOfType(type: string): string {
  if (/^(?:int|double|uint)$/.test(type)) return 'number';
  if (type === 'string') return 'text';
  return type.replace(/<.*/, '');
}

function kindOfValue(value: unknown): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'number' || typeof value === 'bigint') return 'number';
  if (Array.isArray(value)) return 'list';
  return value instanceof Map || Object.getPrototypeOf(value) === Object.prototype ? 'map' : 'something else';
}
