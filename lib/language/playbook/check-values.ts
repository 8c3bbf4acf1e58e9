import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import { parseCondition } from '../expression/condition.ts';
import { Expression } from '../expression/expression.ts';
import { undefinedVariable, type VariableRef } from '../expression/variables.ts';
import { parseTemplate } from '../template/template.ts';
import type { Located } from '../yaml/located.ts';
import type { Condition } from './model.ts';
import type { Names } from './names.ts';
import type { ProblemList } from './problems.ts';

type Path = readonly (string | number)[];

/** Checks every template inside a value: that it parses, and that each variable in it is defined. */
export function checkTemplates(written: Located, names: Names, problems: ProblemList): void {
  checkTemplatesIn(written.value, (path) => written.locate(path), names, problems);
}

export function checkTemplatesIn(
  value: unknown,
  locate: (path: Path) => SourcePosition,
  names: Names,
  problems: ProblemList,
): void {
  const walk = (inner: unknown, path: Path): void => {
    if (typeof inner === 'string') {
      if (/\{[{%#]/.test(inner)) checkTemplate(inner, locate(path), names, problems);
    } else if (Array.isArray(inner)) {
      for (const [i, item] of inner.entries()) walk(item, [...path, i]);
    } else if (inner !== null && typeof inner === 'object') {
      for (const [key, item] of Object.entries(inner)) walk(item, [...path, key]);
    }
  };
  walk(value, []);
}

function checkTemplate(text: string, at: SourcePosition, names: Names, problems: ProblemList): void {
  try {
    checkVariables(parseTemplate(text, at).variables, at, names, problems);
  } catch (error) {
    problems.take(error, at);
  }
}

export function checkConditions(conditions: readonly Condition[], names: Names, problems: ProblemList): void {
  for (const { value, at } of conditions) {
    if (typeof value === 'string') checkCondition(value, at, names, problems);
  }
}

export function checkCondition(text: string, at: SourcePosition, names: Names, problems: ProblemList): void {
  try {
    checkVariables(parseCondition(text, at).variables, at, names, problems);
  } catch (error) {
    problems.take(error, at);
  }
}

/** An expression whose value may be of any type (`debug: var=`). */
export function checkExpression(text: string, at: SourcePosition, names: Names, problems: ProblemList): void {
  try {
    checkVariables(new Expression(text, at).variables, at, names, problems);
  } catch (error) {
    problems.take(error, at);
  }
}

function checkVariables(
  variables: readonly VariableRef[],
  around: SourcePosition,
  names: Names,
  problems: ProblemList,
): void {
  for (const variable of variables) {
    if (variable.optional || names.has(variable.name)) continue;
    const later = names.later(variable.name);
    const next =
      later === undefined
        ? `set it in the inventory, in "vars:", or with -e ${variable.name}=...`
        : `it is set only by a later task, or by this one: line ${later.line}`;
    const at = variable.at ?? around;
    problems.take(undefinedVariable(variable.name, [...names.all()], at, undefined, [next]));
  }
}
