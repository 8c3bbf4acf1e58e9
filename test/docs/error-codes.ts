import type * as ESTree from 'oxc-parser';
import { Visitor } from 'oxc-parser';
import { constantOf, meaningIn, nameOfParam } from './meaning-of-code.ts';
import { commentAbove, type Source, sourcesIn } from './sources.ts';
import { asWhen, type Meaning, type Node, wordsOf } from './words-of-code.ts';
import { type Facts, factsOf, kindsOf, textsOf, type WrittenText } from './written-facts.ts';

/** A place that makes an error of one code. */
export interface ErrorSite {
  readonly code: string;
  /** From the root of the checkout. */
  readonly file: string;
  readonly line: number;
  /** More than one where only the run decides; none where the code does not tell. */
  readonly kinds: readonly string[];
  /** The comment right above the code: what it means, where the messages alone do not tell. */
  readonly meaning: string | undefined;
  readonly messages: readonly string[];
  readonly states: readonly string[];
  /** Whether the place says what to do next, be it in words that only the run knows. */
  readonly hasNext: boolean;
  readonly next: readonly string[];
}

export interface FoundErrors {
  readonly sites: readonly ErrorSite[];
  /** `file:line` of codes that are put together, so that nobody could find them. */
  readonly hidden: readonly string[];
}

/** A function that is given the code of the error that it makes. Whoever calls it owns the code. */
interface Maker {
  readonly file: string;
  readonly name: string;
  readonly isMethod: boolean;
  readonly params: readonly string[];
  /** What the function itself says of the error. */
  readonly facts: Facts;
  /** The names in that. */
  readonly names: ReadonlySet<Node>;
}

const CODE = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
/** zod's own code of an issue that a schema of ours adds. */
const OF_ZOD = 'custom';

/** Every place in `lib/` and `cli/` that makes an error with a code, in the order of the files. */
export function errorsOfCode(): FoundErrors {
  const sources = ['lib', 'cli'].flatMap(sourcesIn);
  const makers = sources.flatMap(makersOf);
  const found = sources.map((source) => errorsIn(source, makers, meaningIn(source, sources)));
  return { sites: found.flatMap(({ sites }) => sites), hidden: found.flatMap(({ hidden }) => hidden) };
}

function makersOf({ file, program }: Source): readonly Maker[] {
  const makers: Maker[] = [];
  const add = (name: string, isMethod: boolean, made: ESTree.Function): void => {
    const params = made.params.map(nameOfParam);
    if (!params.includes('code')) return;
    const facts = factsWithout('code', program, made);
    makers.push({
      file,
      name,
      isMethod,
      params,
      facts,
      names: new Set([...facts.values()].flatMap(namesIn)),
    });
  };
  new Visitor({
    FunctionDeclaration: (node) => add(node.id?.name ?? '', false, node),
    MethodDefinition: (node) => {
      if (node.key.type === 'Identifier') add(node.key.name, true, node.value);
    },
  }).visit(program);
  return makers;
}

/** What is said of an error whose code comes from elsewhere, within a part of a file. */
function factsWithout(
  open: 'code',
  program: ESTree.Program,
  within: { readonly start: number; readonly end: number },
): Facts {
  let found: Facts = new Map();
  new Visitor({
    ObjectExpression: (node) => {
      if (node.start < within.start || node.end > within.end) return;
      const facts = factsOf(node);
      const code = facts.get(open);
      if (code !== undefined && textsOf(code, program).length === 0 && facts.has('kind')) found = facts;
    },
  }).visit(program);
  return found;
}

/** The names that are read somewhere in a part of the code. */
function namesIn(node: unknown): readonly Node[] {
  if (Array.isArray(node)) return node.flatMap(namesIn);
  if (node === null || typeof node !== 'object') return [];
  const inner = Object.values(node).flatMap(namesIn);
  return 'type' in node && node.type === 'Identifier'
    ? [node as ESTree.IdentifierReference, ...inner]
    : inner;
}

/**
 * Where flaws are written that have a code and no kind: whoever throws them gives it. Those of a playbook:
 * PlaybookProblems; of a template: its `error`; of a target: the check of a task's params, and `checkTarget`.
 */
const FLAWS = [
  'lib/language/playbook/',
  'lib/language/template/names.ts',
  // Of params that a user's schema does not take as it should.
  'lib/modules/own-fault.ts',
  'lib/recovery/wal/parse-instant.ts',
  'lib/recovery/wal/target.ts',
];

function thrownAs(file: string): readonly string[] {
  return FLAWS.some((place) => file.startsWith(place)) ? ['validation'] : [];
}

function errorsIn(source: Source, makers: readonly Maker[], meaning: Meaning): FoundErrors {
  const { file, text, program } = source;
  const sites: ErrorSite[] = [];
  const hidden: string[] = [];
  const line = (offset: number): number => text.slice(0, offset).split('\n').length;
  const around = factsWithout('code', program, { start: 0, end: text.length });

  const add = (
    code: WrittenText,
    commented: readonly number[],
    facts: Facts,
    meant: Meaning = meaning,
  ): void => {
    if (code.value === OF_ZOD || !CODE.test(code.value)) return;
    const fact = (...names: readonly string[]): Node | undefined => {
      const found = names.map((name) => facts.get(name)).find((node) => node !== undefined);
      return constantOf(asWhen(found, code.when, text), source);
    };
    const kind = fact('kind') ?? around.get('kind');
    const next = fact('next', 'hints', 'hint');
    const words = wordsOf(next, meant);
    const said = words.length > 0 ? undefined : commentOnNext(facts, source);
    sites.push({
      code: code.value,
      file,
      line: line(code.start),
      kinds: kind === undefined ? thrownAs(file) : kindsOf(kind, program),
      meaning: commented.map((offset) => commentAbove(source, offset)).find((said) => said !== undefined),
      messages: wordsOf(fact('why', 'message', 'reason')),
      states: wordsOf(fact('state')),
      hasNext: next !== undefined && !(next?.type === 'ArrayExpression' && next.elements.length === 0),
      next: said === undefined ? words : [said],
    });
  };

  new Visitor({
    Property: (property) => {
      if (property.key.type !== 'Identifier' || property.key.name !== 'code') return;
      if (property.value.type === 'TemplateLiteral') hidden.push(`${file}:${line(property.start)}`);
    },
    ObjectExpression: (node) => {
      const facts = withSpread(node, source);
      const code = facts.get('code');
      for (const one of textsOf(code, program)) add(one, [one.start, codeStart(node)], facts);
    },
    CallExpression: (node) => {
      const maker = makerOf(node, source, makers);
      if (maker === undefined) return;
      const facts = new Map(maker.facts);
      maker.params.forEach((name, index) => {
        const argument = node.arguments[index];
        if (argument !== undefined && argument.type !== 'SpreadElement') facts.set(name, argument);
        else if (argument === undefined && facts.get(name)?.type === 'Identifier') facts.delete(name);
        // What the function would take from an object that it is not given here, or that says nothing of it.
        for (const [fact, value] of maker.facts)
          if (value?.type === 'MemberExpression' && isNamed(value.object, name)) facts.delete(fact);
      });
      for (const argument of node.arguments)
        if (argument.type === 'ObjectExpression')
          for (const [name, value] of factsOf(argument)) facts.set(name, value);
      const given = (named: Node): Node | undefined =>
        named?.type === 'Identifier' && maker.names.has(named)
          ? node.arguments[maker.params.indexOf(named.name)]
          : undefined;
      const meant: Meaning = (named) => {
        const argument = given(named);
        return argument === undefined ? meaning(named) : [argument];
      };
      for (const one of textsOf(facts.get('code'), program)) add(one, [one.start], facts, meant);
    },
  }).visit(program);
  return { sites, hidden };
}

function isNamed(node: Node, name: string): boolean {
  return node?.type === 'Identifier' && node.name === name;
}

/** The comment right above what comes next: what it says, where only the run has the words. */
function commentOnNext(facts: Facts, source: Source): string | undefined {
  const value = facts.get('next');
  if (value === undefined || value === null) return undefined;
  return commentAbove(source, source.text.lastIndexOf('next', value.start));
}

/** What is said of an error, with what a constant of the file says that is spread into it. */
function withSpread(node: ESTree.ObjectExpression, source: Source): Facts {
  const facts = new Map<string, Node>();
  for (const property of node.properties) {
    const spread = property.type === 'SpreadElement' ? constantOf(property.argument, source) : undefined;
    if (spread?.type === 'ObjectExpression')
      for (const [name, value] of factsOf(spread)) facts.set(name, value);
  }
  for (const [name, value] of factsOf(node)) facts.set(name, value);
  return facts;
}

function codeStart(node: ESTree.ObjectExpression): number {
  const code = node.properties.find(
    (property) =>
      property.type === 'Property' && property.key.type === 'Identifier' && property.key.name === 'code',
  );
  return code?.start ?? node.start;
}

function makerOf(
  { callee }: ESTree.CallExpression,
  source: Source,
  makers: readonly Maker[],
): Maker | undefined {
  const isMethod = callee.type === 'MemberExpression';
  const name = isMethod && callee.property.type === 'Identifier' ? callee.property : callee;
  if (name.type !== 'Identifier') return undefined;
  const called = makers.filter((maker) => maker.name === name.name && maker.isMethod === isMethod);
  const own = called.find(({ file }) => file === source.file);
  return own ?? (isMethod || imports(source, name.name) ? called[0] : undefined);
}

function imports({ program }: Source, name: string): boolean {
  return program.body.some(
    (statement) =>
      statement.type === 'ImportDeclaration' &&
      statement.specifiers.some((specifier) => specifier.local.name === name),
  );
}
