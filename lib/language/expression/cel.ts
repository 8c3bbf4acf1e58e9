import { createRequire } from 'node:module';
import type { ASTNode, Environment, EvaluationError, ParseError, ParseResult } from '@marcbachmann/cel-js';
import { spelledBoolean } from '../../base/values/yes.ts';
import { parseLsn } from '../../recovery/wal/lsn.ts';
import { parseInstant } from '../../recovery/wal/parse-instant.ts';

export type { ASTNode, ParseResult };
/** Any error of the expression library; all carry a code, a one-line summary and a range. */
export type CelError = ParseError | EvaluationError;

/** A function of the language that is not part of the standard; `pitr` docs list them. */
interface ExpressionFunction {
  readonly usage: string;
  readonly summary: string;
}

export const EXPRESSION_FUNCTIONS: readonly ExpressionFunction[] = [
  { usage: 'has(name), has(a.b)', summary: 'whether a variable or a part of one is there' },
  { usage: 'lsn("0/16B3748")', summary: 'a WAL position, comparable with <, ==, >' },
  {
    usage: 'instant("2026-01-23 12:30:00+01")',
    summary: 'a moment in microseconds, comparable with <, ==, >',
  },
  { usage: 'lower(text), upper(text)', summary: 'a text in lower or upper case' },
];

const require = createRequire(import.meta.url);
let environment: Environment | undefined;

const OPERATORS: Readonly<Record<string, (a: number, b: number) => number | boolean>> = {
  '+': (a, b) => a + b,
  '-': (a, b) => a - b,
  '*': (a, b) => a * b,
  '/': (a, b) => a / b,
  '%': (a, b) => a % b,
  '==': (a, b) => a === b,
};

/** Made when the first condition is met: a run without conditions does not pay for the library. */
export function celEnvironment(): Environment {
  environment ??= create();
  return environment;
}

function create(): Environment {
  const cel = require('@marcbachmann/cel-js') as typeof import('@marcbachmann/cel-js');
  const env = new cel.Environment({
    unlistedVariablesAreDyn: true,
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: 500 },
  });
  // Numbers of YAML and JSON are doubles and literals are ints; the standard lets them be compared but not added.
  for (const [operator, compute] of Object.entries(OPERATORS)) {
    const run = (a: unknown, b: unknown) => compute(Number(a), Number(b));
    env.registerOperator(`double ${operator} int`, run);
    if (operator !== '==') env.registerOperator(`int ${operator} double`, run);
  }
  env.registerOperator('double % double', (a: number, b: number) => a % b);
  // Of types that are known beforehand the comparison is refused already.
  env.registerOperator('dyn<string> == bool', textIsBoolean);

  const sync = { async: false };
  env.registerFunction('lsn(string): int', toLsn, sync);
  env.registerFunction('instant(string): int', toInstant, sync);
  env.registerFunction('lower(string): string', (text: string) => text.toLowerCase(), sync);
  env.registerFunction('upper(string): string', (text: string) => text.toUpperCase(), sync);
  env.registerFunction('string.lower(): string', (text: string) => text.toLowerCase(), sync);
  env.registerFunction('string.upper(): string', (text: string) => text.toUpperCase(), sync);
  return env;
}

/** What a function of ours refuses; its message names no value, which might be a secret. */
export class FunctionRefused extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** The text `no` is not false, though its author may well have meant that: then the answer would be the wrong one. */
function textIsBoolean(text: string, other: boolean): boolean {
  if (spelledBoolean(text) !== other) return false;
  throw new FunctionRefused(
    `a text that says ${other} is compared with ${other}, and a text is never that`,
    `Where it is set, write ${other} without quotes: yes, no, on and off are texts.`,
  );
}

function toLsn(text: string): bigint {
  const position = parseLsn(text);
  if (position === undefined) throw new FunctionRefused('lsn() needs a WAL position like "0/16B3748"');
  return position;
}

function toInstant(text: string): bigint {
  const parsed = parseInstant(text);
  if (!parsed.ok)
    throw new FunctionRefused('instant() needs a moment with its zone, like "2026-01-23 12:30:00+00"');
  return parsed.instant;
}

export function isCelError(error: unknown): error is CelError {
  return error instanceof Error && 'summary' in error && 'code' in error;
}
