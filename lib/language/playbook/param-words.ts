import type { $ZodIssue } from 'zod/v4/core';
import { didYouMean } from '../../base/errors/nearest.ts';
import type { AnyModule } from '../../contract/module.ts';
import { paramsOf } from '../../modules/params.ts';
import { valueWords } from './fields.ts';
import { valueAt } from './param-holes.ts';
import type { ParamSource } from './param-source.ts';
import type { Problem } from './problems.ts';

/** A call of a module, for messages about its params. */
export interface ParamCall {
  readonly module: AnyModule;
  /** Full name. */
  readonly name: string;
  readonly params: unknown;
  readonly source: ParamSource;
}

/** What a schema has against a value, as problems with the place of that very param. */
export function issueProblem(issue: $ZodIssue, call: ParamCall): readonly Problem[] {
  const path = issue.path.filter((step): step is string | number => typeof step !== 'symbol');
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownParam(key, path, call));
  if (issue.code === 'invalid_union') return unionProblem(issue, path, call);
  const value = valueAt(call.params, path);
  if (value === undefined && path.length > 0 && issue.code !== 'custom') return [missingParam(path, call)];
  return [
    {
      // A param has a value that the module does not take.
      code: ownCode(issue) ?? 'param-wrong',
      message: sentence(path, demand(issue), value, call),
      at: path.length === 0 ? call.source.at : call.source.locate(path),
      hints: valueHints(issue, value),
    },
  ];
}

/** `must ...` is followed by what the value is; a rule in the schema's own words by the value where it is short. */
function sentence(
  path: readonly (string | number)[],
  words: string,
  value: unknown,
  { name, source }: ParamCall,
): string {
  const isScalar = ['string', 'number', 'boolean'].includes(typeof value);
  const given = words.startsWith('must ')
    ? `, but is ${valueWords(value)}`
    : isScalar
      ? ` (given: ${String(value)})`
      : '';
  const typed = source.givenBy?.(value);
  if (typed !== undefined) return `${typed} ${words}${given}`;
  return `${name}: ${path.length === 0 ? '' : `"${pathWords(path)}" `}${words}${given}`;
}

function unknownParam(key: string, path: readonly (string | number)[], call: ParamCall): Problem {
  const known = (paramsOf(call.module.params)?.params ?? []).map((param) => param.name);
  const names = path.length === 0 ? known : [];
  const owner = path.length === 0 ? call.name : `${call.name}: "${pathWords(path)}"`;
  return {
    code: 'param-unknown',
    message: `${owner} has no param "${key}"${didYouMean(key, names)}`,
    at: call.source.locateKey([...path, key]),
    hints: names.length === 0 ? [] : [`it has: ${names.join(', ')}`],
  };
}

function missingParam(path: readonly (string | number)[], call: ParamCall): Problem {
  const [first] = path;
  const param = paramsOf(call.module.params)?.params.find(
    (known) => path.length === 1 && known.name === first,
  );
  const variable = param?.variable === undefined ? '' : `, or the variable ${param.variable}`;
  return {
    code: 'param-missing',
    message: `${call.name} needs "${pathWords(path)}"${variable}`,
    at: call.source.locate(path.slice(0, -1)),
    hints: param?.description === undefined ? [] : [`${param.name}: ${param.description}`],
  };
}

/** Of the forms that a value may have, the words for all when none fits at all, else the problems of the nearest. */
function unionProblem(
  issue: Extract<$ZodIssue, { readonly code: 'invalid_union' }>,
  path: readonly (string | number)[],
  call: ParamCall,
): readonly Problem[] {
  const value = valueAt(call.params, path);
  const errors: readonly (readonly $ZodIssue[])[] = issue.errors;
  const options = 'options' in issue ? issue.options : undefined;
  if (value === undefined && path.length > 0) return [missingParam(path, call)];
  const deeper = errors.filter((branch) =>
    branch.some((inner) => inner.path.length > 0 || inner.code === 'unrecognized_keys'),
  );
  const nearest = deeper.toSorted((a, b) => a.length - b.length)[0];
  if (nearest !== undefined) {
    return nearest.flatMap((inner) => issueProblem({ ...inner, path: [...issue.path, ...inner.path] }, call));
  }
  const flat = errors.flat();
  const demands = [
    ...new Set(
      options === undefined ? flat.map(demand) : [`must be one of: ${options.map(String).join(', ')}`],
    ),
  ];
  const must = demands.map((words, i) => (i === 0 ? words : words.replace(/^must be /, ''))).join(' or ');
  return [
    {
      code: 'param-wrong',
      message: sentence(path, must === '' ? 'has no form that is allowed' : must, value, call),
      at: path.length === 0 ? call.source.at : call.source.locate(path),
      hints: flat.flatMap((inner) => valueHints(inner, value)).slice(0, 1),
    },
  ];
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping',
  null: 'empty',
  undefined: 'left out',
  never: 'left out',
};

/** `must be a text`, `must be at least 1`; a rule's own words where the schema gave some. */
function demand(issue: $ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return ownWords(issue, /^Invalid input/) ?? `must be ${TYPES[issue.expected] ?? issue.expected}`;
    case 'invalid_value': {
      const words = issue.values.map(String);
      return (
        ownWords(issue, /^Invalid (input|option)/) ??
        `must be ${words.length === 1 ? words[0] : `one of: ${words.join(', ')}`}`
      );
    }
    case 'too_small':
      return (
        ownWords(issue, /^(Too small|Invalid)/) ?? `must ${size(issue.origin, 'at least', issue.minimum)}`
      );
    case 'too_big':
      return ownWords(issue, /^(Too big|Invalid)/) ?? `must ${size(issue.origin, 'at most', issue.maximum)}`;
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`;
    case 'invalid_format':
      return (
        ownWords(issue, /^Invalid /) ??
        `must be ${issue.format === 'regex' ? `of the form ${issue.pattern}` : `a valid ${issue.format}`}`
      );
    case 'invalid_key':
      return `has a name that is not allowed: ${issue.issues.map((inner) => inner.message).join('; ')}`;
    default:
      return issue.message;
  }
}

/** The schema's own message; nothing where it is the library's. */
function ownWords(issue: $ZodIssue, library: RegExp): string | undefined {
  return library.test(issue.message) ? undefined : issue.message;
}

function size(origin: string, bound: string, limit: number | bigint): string {
  if (origin === 'string') return `have ${bound} ${limit} character${limit === 1 ? '' : 's'}`;
  if (origin === 'array' || origin === 'set') return `have ${bound} ${limit} item${limit === 1 ? '' : 's'}`;
  return `be ${bound} ${limit}`;
}

function valueHints(issue: $ZodIssue, value: unknown): readonly string[] {
  if (issue.code === 'custom') return [...texts(issue.params?.details), ...texts(issue.params?.next)];
  if (issue.code === 'invalid_value' && typeof value === 'string') {
    const near = didYouMean(value, issue.values.map(String));
    return near === '' ? [] : [near.slice(2, -1)];
  }
  if (issue.code !== 'invalid_type' || issue.expected !== 'boolean' || typeof value !== 'string') return [];
  if (/^(yes|on|y)$/i.test(value)) return ['write true: yes and on are plain texts in YAML 1.2'];
  if (/^(no|off|n)$/i.test(value)) return ['write false: no and off are plain texts in YAML 1.2'];
  return [];
}

/** The stable name that a schema's own rule gave to what is wrong. */
function ownCode(issue: $ZodIssue): string | undefined {
  const code: unknown = issue.code === 'custom' ? issue.params?.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** What a schema's own rule has to add to its message. */
function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

/** `servers[0].name`. */
function pathWords(path: readonly (string | number)[]): string {
  return path
    .map((step, i) => (typeof step === 'number' ? `[${step}]` : i === 0 ? step : `.${step}`))
    .join('');
}
