import { didYouMean } from '../../base/errors/nearest.ts';
import {
  type Call,
  type Expression,
  isScoped,
  isVariable,
  type Location,
  type PathExpression,
  type Program,
  type Statement,
  simpleName,
} from './ast.ts';
import { HELPERS } from './helpers.ts';
import { jinjaHint } from './jinja.ts';

/** A variable of the outermost context, placed inside the template's text. */
export interface Reference {
  readonly name: string;
  readonly path: readonly string[];
  readonly loc: Location;
  readonly optional: boolean;
}

/** Something that the parser accepts and pitr does not: partials, decorators, unknown helpers and blocks. */
export class TemplateFlaw extends Error {
  readonly loc: Location;
  readonly hint: string | undefined;

  constructor(message: string, loc: Location, hint?: string) {
    super(message);
    this.loc = loc;
    this.hint = hint;
  }
}

/** What surrounds an expression: how deep in loops it stands, what they bind, what tests around it guard. */
interface Surroundings {
  readonly depth: number;
  readonly bound: ReadonlySet<string>;
  readonly guards: readonly (readonly string[])[];
  readonly accepts: Accepts;
}

/** Whether a text is a template that pitr takes: what is offered instead of another one must be. */
export type Accepts = (template: string) => boolean;

/** Helpers whose arguments may be missing where the helper itself stands in a place that allows it. */
const PASSES_ON_OPTIONAL: ReadonlySet<string> = new Set(['and', 'or', 'not', 'lookup', 'default', 'ternary']);

/** Whether the argument at `index` of a helper may be missing. */
export function allowsMissing(helper: string, index: number, count: number, around: boolean): boolean {
  if (helper === 'default') return index < count - 1 || around;
  if (helper === 'ternary') return index === 0 || around;
  return around && PASSES_ON_OPTIONAL.has(helper);
}

/** All variables of the outermost context that a template reads. Throws `TemplateFlaw`. */
export function analyse(program: Program, accepts: Accepts): readonly Reference[] {
  const references: Reference[] = [];
  statements(program, { depth: 0, bound: new Set(), guards: [], accepts }, references);
  return references;
}

function statements(program: Program | undefined, around: Surroundings, into: Reference[]): void {
  for (const statement of program?.body ?? []) visitStatement(statement, around, into);
}

function visitStatement(statement: Statement, around: Surroundings, into: Reference[]): void {
  switch (statement.type) {
    case 'ContentStatement':
    case 'CommentStatement':
      return;
    case 'MustacheStatement':
      visitCall(statement, false, around, into);
      return;
    case 'BlockStatement':
      visitBlock(statement, around, into);
      return;
    case 'PartialStatement':
    case 'PartialBlockStatement':
      throw new TemplateFlaw('partials {{> }} are not supported', statement.loc);
    default:
      throw new TemplateFlaw('decorators {{* }} are not supported', statement.loc);
  }
}

function visitBlock(
  block: Extract<Statement, { type: 'BlockStatement' }>,
  around: Surroundings,
  into: Reference[],
): void {
  const name = simpleName(block.path);
  if (name === 'raw') return;
  const [subject] = block.params;
  if (name !== 'if' && name !== 'unless' && name !== 'each' && name !== 'with') throw unknownBlock(block);
  if (subject === undefined || block.params.length > 1) {
    throw new TemplateFlaw(
      `{{#${name}}} takes one value, not ${block.params.length}`,
      block.loc,
      blockHint(name, block),
    );
  }
  const tests = name === 'if' || name === 'unless';
  visitExpression(subject, tests, around, into);
  if (tests) {
    const guarded = { ...around, guards: [...around.guards, ...guardsOf(subject, around)] };
    statements(block.program, name === 'if' ? guarded : around, into);
    statements(block.inverse, name === 'if' ? around : guarded, into);
    return;
  }
  const bound = new Set([...around.bound, ...(block.program?.blockParams ?? [])]);
  statements(block.program, { ...around, bound, depth: around.depth + 1 }, into);
  statements(block.inverse, around, into);
}

function unknownBlock(block: Call): TemplateFlaw {
  const original = block.path.type === 'PathExpression' ? block.path.original : '...';
  const hint = isVariable(block)
    ? `Write {{#if ${original}}} or {{#each ${original}}}.`
    : `Write {{#if (${original} ...)}}.`;
  return new TemplateFlaw(
    `unknown block {{#${original}}}${didYouMean(original, ['if', 'unless', 'each', 'with', 'raw'])}`,
    block.loc,
    hint,
  );
}

function blockHint(name: string, block: Call): string | undefined {
  const words = block.params.map((param) => (param.type === 'PathExpression' ? param.original : '...'));
  if (name === 'if' || name === 'unless')
    return `Combine tests with helpers: {{#${name} (and a b)}}, {{#${name} (eq a b)}}.`;
  return words[1] === 'in' ? `Write {{#each ${words[2]} as |${words[0]}|}}.` : undefined;
}

function visitCall(call: Call, optional: boolean, around: Surroundings, into: Reference[]): void {
  if (isVariable(call)) {
    visitExpression(call.path, optional, around, into);
    return;
  }
  const name = simpleName(call.path);
  const helper = name === undefined ? undefined : HELPERS.get(name);
  if (name === undefined || helper === undefined) throw unknownHelper(call, around);
  if (call.params.length < helper.min || call.params.length > helper.max) {
    throw new TemplateFlaw(`${name}: wrong number of arguments`, call.loc, `Usage: ${helper.usage}`);
  }
  for (const { key } of call.hash?.pairs ?? []) {
    if (helper.named !== true)
      throw new TemplateFlaw(`${name}: takes no argument "${key}="`, call.loc, `Usage: ${helper.usage}`);
  }
  let inside = around;
  call.params.forEach((param, index) => {
    visitExpression(param, allowsMissing(name, index, call.params.length, optional), inside, into);
    if (name === 'and' || (name === 'ternary' && index === 0)) {
      inside = { ...inside, guards: [...inside.guards, ...guardsOf(param, around)] };
    }
  });
  for (const { value } of call.hash?.pairs ?? []) visitExpression(value, false, inside, into);
}

function visitExpression(
  expression: Expression,
  optional: boolean,
  around: Surroundings,
  into: Reference[],
): void {
  if (expression.type === 'SubExpression') {
    visitCall(expression, optional, around, into);
    return;
  }
  if (expression.type !== 'PathExpression') return;
  const parts = rootParts(expression, around);
  const [name, ...path] = parts ?? [];
  if (name === undefined) return;
  const guarded = around.guards.some((guard) => isPrefix(guard, [name, ...path]));
  into.push({ name, path, loc: expression.loc, optional: optional || guarded });
}

/** The path from the outermost context, or nothing for what loops bind. */
function rootParts(path: PathExpression, around: Surroundings): readonly string[] | undefined {
  if (path.data) return path.parts[0] === 'root' ? path.parts.slice(1) : undefined;
  const [first] = path.parts;
  if (path.depth === 0 && first !== undefined && around.bound.has(first) && !isScoped(path)) return undefined;
  return path.depth === around.depth ? path.parts : undefined;
}

/** What is certainly there when a test holds. */
function guardsOf(test: Expression, around: Surroundings): readonly (readonly string[])[] {
  if (test.type === 'PathExpression') {
    const parts = rootParts(test, around);
    return parts === undefined ? [] : [parts];
  }
  if (test.type === 'SubExpression' && simpleName(test.path) === 'and') {
    return test.params.flatMap((param) => guardsOf(param, around));
  }
  return [];
}

function isPrefix(a: readonly string[], b: readonly string[]): boolean {
  const [short, long] = a.length <= b.length ? [a, b] : [b, a];
  return short.length > 0 && short.every((part, i) => part === long[i]);
}

function unknownHelper(call: Call, { accepts }: Surroundings): TemplateFlaw {
  const name = call.path.type === 'PathExpression' ? call.path.original : 'a value';
  return new TemplateFlaw(
    `unknown helper "${name}"${didYouMean(name, HELPERS.keys())}`,
    call.loc,
    jinjaHint(asWritten(call), accepts) ?? 'A variable takes no arguments; only helpers do.',
  );
}

/** A call as its author wrote it, but for blanks and the kind of quotes. */
function asWritten({ path, params, hash }: Call): string {
  const named = (hash?.pairs ?? []).map(({ key, value }) => `${key}=${wordOf(value)}`);
  return [...[path, ...params].map(wordOf), ...named].join(' ');
}

function wordOf(node: Expression): string {
  if (node.type === 'PathExpression') return node.original;
  if (node.type === 'SubExpression') return `(${asWritten({ ...node })})`;
  return 'value' in node ? JSON.stringify(node.value) : node.type === 'NullLiteral' ? 'null' : 'undefined';
}
