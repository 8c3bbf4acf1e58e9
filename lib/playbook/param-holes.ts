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
  const found = attempt(params);
  if (!holds(params)) return found;
  const plain = found.filter((issue) => issue.code !== 'custom').flatMap((issue) => certain(issue, params));
  const rules = SAMPLES.map((sample) => attempt(fitting(params, sample, attempt)).filter(isRule));
  const always = rules[0]?.filter(
    ({ message, path }) =>
      rules.every((issues) => issues.some((other) => other.message === message)) &&
      (path.length === 0 || !isHole(valueAt(params, path))),
  );
  return [...plain, ...(always ?? [])];
}

function isRule(issue: $ZodIssue): boolean {
  return issue.code === 'custom';
}

function isHole(value: unknown): boolean {
  return typeof value === 'string' && value.includes('{{');
}

/** The values with something in each `{{ }}` that its param takes, so that rules over several params are run. */
function fitting(
  params: unknown,
  sample: string,
  attempt: (values: unknown) => readonly $ZodIssue[],
): unknown {
  let values = filledIn(params, sample);
  for (let round = 0; round < 3; round++) {
    const before = values;
    for (const issue of attempt(values)) {
      if (isHole(valueAt(params, issue.path))) values = replaced(values, issue.path, fit(issue, []));
    }
    if (values === before) break;
  }
  return values;
}

const FITS: Readonly<Record<string, unknown>> = {
  string: 'a',
  number: 1,
  int: 1,
  boolean: true,
  array: [],
  object: {},
  record: {},
};

/** A value that an issue would not be raised about. */
function fit(issue: $ZodIssue, seen: readonly $ZodIssue[]): unknown {
  if (issue.code === 'invalid_type') return FITS[issue.expected];
  if (issue.code === 'invalid_value') return issue.values[0];
  const first = issue.code === 'invalid_union' ? issue.errors.flat()[0] : undefined;
  return first === undefined || seen.includes(first) ? undefined : fit(first, [...seen, issue]);
}

/** A copy of plain data with another value at a path. */
export function replaced(values: unknown, path: readonly PropertyKey[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (values === null || typeof values !== 'object') return values;
  if (Array.isArray(values)) return values.map((item, i) => (i === key ? replaced(item, rest, value) : item));
  return { ...values, [key]: replaced(Reflect.get(values, key), rest, value) };
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
  if (typeof value !== 'string') return issue.code === 'invalid_type' ? [issue] : [];
  // One expression alone may give any type; text around it makes it text.
  const isText = !/^\s*\{\{.*\}\}\s*$/s.test(value) || value.indexOf('{{') !== value.lastIndexOf('{{');
  return isText && issue.code === 'invalid_type' && ['array', 'object', 'record'].includes(issue.expected)
    ? [issue]
    : [];
}
