// What the Handlebars parser gives, as far as it is used here (its own types leave statements and expressions open).

export interface Location {
  /** 1-based line, 0-based column. */
  readonly start: { readonly line: number; readonly column: number };
}

interface NodeOf<Type extends string> {
  readonly type: Type;
  readonly loc: Location;
}

export interface PathExpression extends NodeOf<'PathExpression'> {
  /** `@index`, `@root.x`. */
  readonly data: boolean;
  /** How many `../` it begins with. */
  readonly depth: number;
  readonly parts: readonly string[];
  readonly original: string;
}

interface HashPair {
  readonly key: string;
  readonly value: Expression;
}

export interface Call {
  readonly type?: string;
  readonly path: Expression;
  readonly params: readonly Expression[];
  readonly hash?: { readonly pairs: readonly HashPair[] } | undefined;
  readonly loc: Location;
}

interface SubExpression extends NodeOf<'SubExpression'>, Omit<Call, 'loc' | 'type'> {}

type Literal =
  | (NodeOf<'StringLiteral'> & { readonly value: string })
  | (NodeOf<'NumberLiteral'> & { readonly value: number })
  | (NodeOf<'BooleanLiteral'> & { readonly value: boolean })
  | NodeOf<'NullLiteral'>
  | NodeOf<'UndefinedLiteral'>;

export type Expression = PathExpression | SubExpression | Literal;

interface ContentStatement extends NodeOf<'ContentStatement'> {
  readonly value: string;
}

export interface MustacheStatement extends NodeOf<'MustacheStatement'>, Omit<Call, 'loc' | 'type'> {}

export interface BlockStatement extends NodeOf<'BlockStatement'>, Omit<Call, 'loc' | 'type'> {
  readonly program?: Program | undefined;
  readonly inverse?: Program | undefined;
}

export type Statement =
  | ContentStatement
  | MustacheStatement
  | BlockStatement
  | NodeOf<'CommentStatement'>
  | NodeOf<'PartialStatement'>
  | NodeOf<'PartialBlockStatement'>
  | NodeOf<'Decorator'>
  | NodeOf<'DecoratorBlock'>;

export interface Program {
  readonly body: readonly Statement[];
  readonly blockParams?: readonly string[] | undefined;
}

/** The name that a call goes by when it is a plain word: not `a.b`, `./a`, `this.a` or `@a`. */
export function simpleName(path: Expression): string | undefined {
  if (path.type !== 'PathExpression' || path.data || path.depth > 0 || path.parts.length !== 1)
    return undefined;
  return isScoped(path) ? undefined : path.parts[0];
}

/** Written as `./a` or `this.a`: a variable for sure, never a helper or a block param. */
export function isScoped(path: PathExpression): boolean {
  return /^(?:\.|this)(?:[./]|$)/.test(path.original);
}

/** A call without arguments is a variable, also where a helper has the same name; in brackets it is a call. */
export function isVariable(call: Call): boolean {
  return call.type !== 'SubExpression' && call.params.length === 0 && (call.hash?.pairs.length ?? 0) === 0;
}
