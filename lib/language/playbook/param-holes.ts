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
  // What is taken as it stands breaks no rule whatever its `{{ }}` become.
  if (found.length === 0 || !holds(params)) return found;
  const plain = found.filter((issue) => issue.code !== 'custom').flatMap((issue) => certain(issue, params));
  return [...plain, ...rulesBroken(params, attempt)];
}

/** Rules over several params that are broken whatever stands in the `{{ }}`. */
function rulesBroken(
  params: Readonly<Record<string, unknown>>,
  attempt: (values: unknown) => readonly $ZodIssue[],
): readonly $ZodIssue[] {
  // A param that may turn out to be left out may satisfy any rule.
  if (mayBeLeftOut(params)) return [];
  let broken: readonly $ZodIssue[] | undefined;
  for (const turn of SAMPLES.keys()) {
    const issues = attempt(fitting(params, turn, attempt)).filter((issue) => issue.code === 'custom');
    broken = (broken ?? issues).filter(({ message, path }) => {
      const ofLiteral = path.length === 0 || !isHole(valueAt(params, path));
      return ofLiteral && issues.some((other) => other.message === message);
    });
    if (broken.length === 0) return [];
  }
  return broken ?? [];
}

function mayBeLeftOut(value: unknown): boolean {
  if (typeof value === 'string') return /\{\{[^}]*\bomit\b/.test(value);
  return value !== null && typeof value === 'object' && Object.values(value).some(mayBeLeftOut);
}

function isHole(value: unknown): boolean {
  return typeof value === 'string' && value.includes('{{');
}

/** The values with something in each `{{ }}` that its param takes, another thing in each turn. */
function fitting(params: unknown, turn: number, attempt: (values: unknown) => readonly $ZodIssue[]): unknown {
  let values = filledIn(params, SAMPLES[turn] ?? 'a');
  for (let round = 0; round < 3; round++) {
    const before = values;
    for (const issue of attempt(values)) {
      const value = isHole(valueAt(params, issue.path)) ? accepted(issue, turn) : undefined;
      if (value !== undefined) values = replaced(values, issue.path, value);
    }
    if (values === before) break;
  }
  return values;
}

/** A value that an issue would not be raised about, where its kind tells. */
function accepted(issue: $ZodIssue, turn: number): unknown {
  if (issue.code === 'invalid_value') return issue.values[turn % issue.values.length];
  if (issue.code === 'invalid_union') {
    const all = issue.errors.flat();
    const one = all[turn % all.length];
    return one === undefined ? undefined : accepted(one, turn);
  }
  if (issue.code !== 'invalid_type') return undefined;
  switch (issue.expected) {
    case 'number':
    case 'int':
      return turn + 1;
    case 'boolean':
      return turn % 2 === 0;
    case 'array':
      return turn % 2 === 0 ? [] : ['a'];
    case 'object':
    case 'record':
      return {};
    default:
      return undefined;
  }
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
