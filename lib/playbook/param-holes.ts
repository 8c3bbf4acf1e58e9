import type { $ZodIssue } from 'zod/v4/core';

/** Whether a value is, or holds anywhere inside, text that is rendered only later. */
export function holds(value: unknown): boolean {
  if (typeof value === 'string') return value.includes('{{');
  if (value === null || typeof value !== 'object') return false;
  return Object.values(value).some(holds);
}

export function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  let here = values;
  for (const key of path) {
    if (here === null || typeof here !== 'object') return undefined;
    here = Reflect.get(here, key);
  }
  return here;
}

/**
 * The issues of values that hold `{{ }}` which no rendered value could cure: those of literal values, of names, and of
 * rules over several params that hold whatever stands in the `{{ }}`.
 */
export function issuesBeside(
  params: Readonly<Record<string, unknown>>,
  attempt: (values: unknown) => readonly $ZodIssue[],
): readonly $ZodIssue[] {
  const found = attempt(params).flatMap((issue) => certain(issue, params));
  if (!holds(params) || !found.some((issue) => issue.code === 'custom')) return found;
  const others = SAMPLES.map((sample) => attempt(filledIn(params, sample)));
  return found.filter(
    (issue) =>
      issue.code !== 'custom' ||
      others.every((issues) =>
        issues.some((other) => other.code === 'custom' && other.message === issue.message),
      ),
  );
}

/** What might stand in a `{{ }}`; a rule that refuses all of these refuses because of what is literal. */
const SAMPLES = ['a', '/a', '1', 'true', 'latest', '2026-01-23T12:30:00Z', '20260123T120000'];

/** A copy with every text that holds `{{ }}` made into the sample; each gets another number, so that none are equal. */
function filledIn(params: unknown, sample: string): unknown {
  let count = 0;
  const fill = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value.includes('{{') ? (count++ === 0 ? sample : `${sample}${count}`) : value;
    if (Array.isArray(value)) return value.map(fill);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fill(inner)]));
  };
  return fill(params);
}

/** An issue, or what of it is certain; nothing when it may vanish once its value is rendered. */
function certain(issue: $ZodIssue, values: unknown): readonly $ZodIssue[] {
  const value = valueAt(values, issue.path);
  if (issue.code === 'unrecognized_keys' || !holds(value)) return [issue];
  if (issue.code === 'invalid_union') {
    const branches = issue.errors.map((errors) => errors.flatMap((inner) => certain(inner, value)));
    const curable = branches.length === 0 || branches.some((branch) => branch.length === 0);
    return curable ? [] : [{ code: issue.code, path: issue.path, message: issue.message, errors: branches }];
  }
  if (typeof value !== 'string')
    return issue.code === 'custom' || issue.code === 'invalid_type' ? [issue] : [];
  // One expression alone may give any type; text around it makes it text.
  const isText = !/^\s*\{\{.*\}\}\s*$/s.test(value) || value.indexOf('{{') !== value.lastIndexOf('{{');
  return isText && issue.code === 'invalid_type' && ['array', 'object', 'record'].includes(issue.expected)
    ? [issue]
    : [];
}
