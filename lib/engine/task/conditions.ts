import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { parseCondition } from '../../language/expression/condition.ts';
import { evaluateExpression } from '../../language/expression/evaluate.ts';
import type { Condition } from '../../language/playbook/model.ts';
import type { Scope } from './scope.ts';

/** All of them, as a logical and: one false is enough, then one unknown; evaluated in the order written. */
export function allTrue(conditions: readonly Condition[], scope: Scope): boolean | Unknown {
  let unknown: Unknown | undefined;
  for (const condition of conditions) {
    const value = conditionValue(condition.value, condition.at, scope);
    if (value === false) return false;
    if (value instanceof Unknown) unknown ??= value;
  }
  return unknown ?? true;
}

export function conditionValue(
  condition: string | boolean,
  at: SourcePosition,
  scope: Scope,
): boolean | Unknown {
  if (typeof condition === 'boolean') return condition;
  const parsed = parseCondition(condition, at);
  return parsed.evaluate(scope.contextFor(parsed.variables));
}

/** The value of an expression (`debug: var=`), with whatever names it uses. */
export function expressionValue(expression: string, at: SourcePosition, scope: Scope): unknown {
  const context: Record<string, unknown> = {};
  for (const name of expression.match(/[A-Za-z_]\w*/g) ?? [])
    if (scope.has(name)) context[name] = scope.get(name);
  return evaluateExpression(expression, context, at);
}
