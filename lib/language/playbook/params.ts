import type { $ZodIssue } from 'zod/v4/core';
import type { AnyModule } from '../../contract/module.ts';
import { type ParamsFault, paramsFault, paramsUnkept } from '../../modules/own-fault.ts';
import { paramsOf } from '../../modules/params.ts';
import { holds, issuesBeside, replaced, valueAt } from './param-holes.ts';
import type { ParamSource } from './param-source.ts';
import { issueProblem } from './param-words.ts';
import { PlaybookProblems, type Problem } from './problems.ts';

/**
 * A task's rendered params as its module wants them: checked, defaults filled in. A number where a text is wanted, and
 * a text that is exactly a number, `true` or `false` where such is wanted, are taken as meant.
 *
 * Throws kind `validation`: every param that is unknown, missing or wrong, each with its place.
 */
export function validateParams(
  module: AnyModule,
  name: string,
  params: unknown,
  source: ParamSource,
): unknown {
  const outcome = parseParams(module, params);
  if (!('issues' in outcome)) return outcome.data;
  const problems = outcome.issues.flatMap((issue) => issueProblem(issue, { module, name, params, source }));
  throw new PlaybookProblems(source.at.file, problems);
}

/**
 * What is wrong with params as they are written, before anything is rendered: names and literal values fully, values
 * with `{{ }}` by their presence alone. `filled` says whether a variable that stands in for a param is there.
 */
export function paramProblems(
  module: AnyModule,
  name: string,
  params: Readonly<Record<string, unknown>>,
  source: ParamSource,
  filled: (variable: string) => boolean,
): readonly Problem[] {
  const known = paramsOf(module.params)?.params ?? [];
  const complete = { ...params };
  for (const { name: param, variable } of known) {
    const comes = variable !== undefined && !Object.hasOwn(params, param) && filled(variable);
    if (comes) complete[param] = `{{ ${variable} }}`;
  }
  // What is a condition or an expression is evaluated by the engine: its value is not known, only that it is there.
  const later = new Set(known.filter((param) => param.holds !== undefined).map((param) => param.name));
  const attempt = (values: unknown): readonly $ZodIssue[] => {
    const outcome = parseParams(module, values);
    return 'issues' in outcome ? outcome.issues : [];
  };
  return issuesBeside(complete, attempt)
    .filter((issue) => !later.has(String(issue.path[0])) || valueAt(complete, issue.path) === undefined)
    .flatMap((issue) => issueProblem(issue, { module, name, params: complete, source }));
}

type Parsed = { readonly data: unknown } | { readonly issues: readonly $ZodIssue[] };

/** Values are converted at most twice: once for themselves, once for what is found below them then. */
const ROUNDS = 3;

function parseParams(module: AnyModule, params: unknown): Parsed {
  let values = params;
  for (let round = 1; ; round++) {
    const outcome = safeParse(module, values);
    if ('data' in outcome || round === ROUNDS) return outcome;
    const converted = outcome.issues.reduce((now, issue) => converting(now, issue, []), values);
    if (converted === values) return outcome;
    values = converted;
  }
}

function safeParse(module: AnyModule, values: unknown): Parsed {
  try {
    const outcome = module.params.safeParse(values);
    if (!outcome.success) return { issues: outcome.error.issues };
    const fault = paramsUnkept(module, outcome.data);
    return fault === undefined ? { data: outcome.data } : { issues: [faultIssue(fault, values)] };
  } catch (error) {
    // A schema's own function threw: what it says is about the values that it was given, or it is a user's and wrong.
    const message = error instanceof Error ? error.message : String(error);
    return { issues: [faultIssue(paramsFault(module, error) ?? { message }, values)] };
  }
}

function faultIssue(
  { message, ...params }: Pick<ParamsFault, 'message'> & Partial<ParamsFault>,
  input: unknown,
): $ZodIssue {
  return { code: 'custom', path: [], message, params, input };
}

/** The values with the one that an issue is about as the type that is wanted, where its text is exactly that. */
function converting(values: unknown, issue: $ZodIssue, base: readonly PropertyKey[]): unknown {
  const path = [...base, ...issue.path];
  if (issue.code === 'invalid_union') {
    for (const branch of issue.errors) {
      const [only, ...others] = branch;
      if (only === undefined || others.length > 0) continue;
      const converted = converting(values, only, path);
      if (converted !== values) return converted;
    }
    return values;
  }
  if (issue.code !== 'invalid_type') return values;
  const value = valueAt(values, path);
  const meant = conversion(value, issue.expected);
  return meant === undefined ? values : replaced(values, path, meant);
}

function conversion(value: unknown, expected: string): unknown {
  if (expected === 'string') return typeof value === 'number' ? String(value) : undefined;
  if (typeof value !== 'string' || holds(value)) return undefined;
  if (expected === 'boolean') return value === 'true' ? true : value === 'false' ? false : undefined;
  if (expected !== 'number' && expected !== 'int') return undefined;
  return /^-?(0|[1-9]\d{0,14})(\.\d+)?$/.test(value) ? Number(value) : undefined;
}
