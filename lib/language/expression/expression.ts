import { didYouMean } from '../../base/errors/nearest.ts';
import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import { Secret } from '../../base/values/secret.ts';
import type { Unknown } from '../../base/values/unknown.ts';
import { lineAndColumn, positionInText } from '../yaml/position.ts';
import { type ASTNode, celEnvironment, FunctionRefused, isCelError, type ParseResult } from './cel.ts';
import { EXISTENCE, type PlainContext, plainContext } from './context.ts';
import { constantHint, failureWords, reservedHint, syntaxHint } from './hints.ts';
import { pathOf, type Reference, referencesOf } from './references.ts';
import { undefinedVariable, type VariableRef } from './variables.ts';

type Context = Readonly<Record<string, unknown>>;

/** What is written in between before the library sees the text (`has(x)` becomes `has(_.x.v)`), for offsets. */
interface Insertion {
  /** Offset in the operator's text. */
  readonly at: number;
  readonly text: string;
}

interface Parsed {
  readonly run: ParseResult;
  readonly references: readonly Reference[];
  readonly insertions: readonly Insertion[];
  /** What it gives where that is known beforehand: `bool`, `string`, ..., else `dyn`. */
  readonly type: string;
}

// Conditions come from the operator's files, which are few; each is evaluated for every host and loop item.
const parsedTexts = new Map<string, Parsed>();

/** One parsed expression at one place. */
export class Expression {
  readonly text: string;
  readonly #at: SourcePosition | undefined;
  readonly #advises: boolean;
  readonly #parsed: Parsed;

  /**
   * `advises`: its errors offer what to write instead. Throws kind `validation`, code `expression-syntax` or
   * `expression-type`.
   */
  constructor(text: string, at: SourcePosition | undefined, advises = true) {
    this.text = text;
    this.#at = at;
    this.#advises = advises;
    this.#parsed = this.#parse();
  }

  /** What it reads, left to right. */
  get variables(): readonly VariableRef[] {
    return this.#parsed.references.map((reference) => this.#variable(reference));
  }

  /** The type that is known beforehand; `dyn` when it is not. */
  get type(): string {
    return this.#parsed.type;
  }

  /**
   * The value as the language gives it. Unknown when it depends on something unknown. `secret` says that a secret
   * went into it. Throws kind `validation`, code `undefined-variable` or `expression-failed`.
   */
  evaluate(context: Context): { readonly value: unknown; readonly secret: boolean } | Unknown {
    const plain = plainContext(this.#parsed.references, context);
    try {
      return { value: this.#parsed.run({ ...plain.values }), secret: plain.secret };
    } catch (error) {
      const undefinedName = this.#undefined(error, context);
      if (undefinedName !== undefined) throw undefinedName;
      if (plain.unknown !== undefined) return plain.unknown;
      throw this.#failure(error, context, plain);
    }
  }

  error(code: string, message: string, offset: number, hint?: string): PitrError {
    const place = lineAndColumn(this.text, offset);
    return new PitrError({
      kind: 'validation',
      code,
      message,
      // With a place in a file the line is shown from there.
      details:
        this.#at !== undefined || this.text.includes('\n')
          ? []
          : [this.text, `${' '.repeat(place.column - 1)}^`],
      at: this.#at === undefined ? undefined : positionInText(this.#at, place.line, place.column),
      next: hint === undefined ? [] : [hint],
    });
  }

  #parse(): Parsed {
    const known = parsedTexts.get(this.text);
    if (known !== undefined) return known;
    const braces = this.text.search(/\{\{|\{%/);
    if (braces !== -1) {
      throw this.error(
        'expression-syntax',
        'a condition is an expression already: {{ }} has no place in it',
        braces,
        'Remove the braces (and quotes around them).',
      );
    }
    const original = this.#parseText(this.text, []);
    const references = referencesOf(original.ast);
    const insertions = references
      .filter((reference) => reference.existence)
      .flatMap(({ start, end }) => [
        { at: start, text: `${EXISTENCE}.` },
        { at: end, text: '.v' },
      ]);
    const run =
      insertions.length === 0 ? original : this.#parseText(inserted(this.text, insertions), insertions);
    const checked = run.check();
    if (!checked.valid) throw this.#staticFailure(checked.error, insertions);
    const parsed: Parsed = { run, references, insertions, type: checked.type ?? 'dyn' };
    parsedTexts.set(this.text, parsed);
    return parsed;
  }

  #parseText(text: string, insertions: readonly Insertion[]): ParseResult {
    try {
      return celEnvironment().parse(text);
    } catch (error) {
      if (!isCelError(error)) throw this.error('expression-syntax', `cannot be read: ${messageOf(error)}`, 0);
      const offset = originalOffset(error.range?.start ?? 0, insertions);
      const { message } = failureWords(error.code, error.summary);
      throw this.error('expression-syntax', `invalid condition: ${message}`, offset, this.#advice());
    }
  }

  #staticFailure(error: unknown, insertions: readonly Insertion[]): PitrError {
    if (!isCelError(error)) return this.error('expression-type', `invalid condition: ${messageOf(error)}`, 0);
    const offset = originalOffset(error.range?.start ?? 0, insertions);
    const { message, hint } = failureWords(error.code, error.summary);
    const { node } = error;
    const called = isNode(node) && (node.op === 'call' || node.op === 'rcall') ? node.args[0] : undefined;
    if (error.code === 'no_matching_overload' && called !== undefined && !functionNames().has(called)) {
      return this.error(
        'expression-type',
        `unknown function "${called}"${didYouMean(called, functionNames())}`,
        offset,
        this.#advice(),
      );
    }
    return this.error(
      'expression-type',
      `invalid condition: ${message}`,
      offset,
      hint ?? reservedHint(this.text) ?? this.#advice(),
    );
  }

  /** The error of a variable that is not in the context at all: no unknown value can excuse it. */
  #undefined(error: unknown, context: Context): PitrError | undefined {
    if (!isCelError(error) || error.code !== 'unknown_variable' || !isNode(error.node)) return undefined;
    const name = error.node.op === 'id' ? error.node.args : undefined;
    if (
      name === undefined ||
      name === EXISTENCE ||
      (Object.hasOwn(context, name) && context[name] !== undefined)
    )
      return undefined;
    const hint = constantHint(name) ?? this.#advice();
    return undefinedVariable(
      name,
      Object.keys(context),
      this.#position(error.range?.start ?? 0),
      undefined,
      hint === undefined ? [] : [hint],
    );
  }

  #failure(error: unknown, context: Context, plain: PlainContext): PitrError {
    if (error instanceof FunctionRefused)
      return this.error('expression-failed', error.message, 0, error.hint);
    if (!isCelError(error))
      return this.error(
        'expression-failed',
        `cannot be evaluated: ${plain.secret ? 'it depends on a secret' : messageOf(error)}`,
        0,
      );
    const offset = originalOffset(error.range?.start ?? 0, this.#parsed.insertions);
    if (error.code === 'no_such_key' && isNode(error.node)) {
      const missing = this.#missingKey(error.node, error.summary, offset, context);
      if (missing !== undefined) return missing;
    }
    const { message, hint } = failureWords(error.code, error.summary);
    // Messages about types name types; messages about values (a conversion, a pattern) name the value.
    const quotesValue = plain.secret && !/overload|_type$|_operand$/.test(error.code);
    return this.error(
      'expression-failed',
      quotesValue ? 'a function cannot work with the secret it was given' : message,
      offset,
      hint,
    );
  }

  #missingKey(node: ASTNode, summary: string, offset: number, context: Context): PitrError | undefined {
    const key = /^No such key: (.*)$/s.exec(summary)?.[1];
    const holder = node.op === '.' || node.op === '[]' ? node.args[0] : undefined;
    if (key === undefined || holder === undefined) return undefined;
    const start = originalOffset(holder.start, this.#parsed.insertions);
    const text = this.text.slice(start, originalOffset(holder.end, this.#parsed.insertions));
    const value = valueAt(holder, context);
    const known =
      value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Secret)
        ? Object.keys(value)
        : [];
    return undefinedVariable(key, known, this.#position(offset), text, [
      `If it may be missing: has(${text}.${key}) && ...`,
    ]);
  }

  #variable(reference: Reference): VariableRef {
    const dynamic = reference.steps.findIndex((step) => typeof step !== 'string');
    const steps = dynamic === -1 ? reference.steps : reference.steps.slice(0, dynamic);
    return {
      name: reference.head,
      path: steps.filter((step) => typeof step === 'string'),
      at: this.#position(reference.start),
      optional: reference.existence || reference.guarded,
    };
  }

  #advice(): string | undefined {
    return this.#advises ? syntaxHint(this.text, isCondition) : undefined;
  }

  #position(offset: number): SourcePosition | undefined {
    if (this.#at === undefined) return undefined;
    const place = lineAndColumn(this.text, offset);
    return positionInText(this.#at, place.line, place.column);
  }
}

/** Whether a text is a condition as far as that is known before it is evaluated. */
function isCondition(text: string): boolean {
  try {
    const { type } = new Expression(text, undefined, false);
    return type === 'bool' || type === 'dyn';
  } catch (error) {
    if (error instanceof PitrError) return false;
    throw error;
  }
}

function inserted(text: string, insertions: readonly Insertion[]): string {
  let out = text;
  for (const insertion of [...insertions].sort((a, b) => b.at - a.at)) {
    out = out.slice(0, insertion.at) + insertion.text + out.slice(insertion.at);
  }
  return out;
}

function originalOffset(offset: number, insertions: readonly Insertion[]): number {
  let original = offset;
  for (const insertion of [...insertions].sort((a, b) => a.at - b.at)) {
    if (original > insertion.at) original = Math.max(insertion.at, original - insertion.text.length);
  }
  return original;
}

function valueAt(node: ASTNode, context: Context): unknown {
  const reference = pathOf(node);
  if (reference === undefined) return undefined;
  let value: unknown = context;
  for (const step of [reference.head, ...reference.steps]) {
    if (
      typeof step !== 'string' ||
      value === null ||
      typeof value !== 'object' ||
      !Object.hasOwn(value, step)
    )
      return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

let names: ReadonlySet<string> | undefined;

function functionNames(): ReadonlySet<string> {
  names ??= new Set(
    celEnvironment()
      .getDefinitions()
      .functions.map((definition) => definition.name),
  );
  return names;
}

function isNode(node: unknown): node is ASTNode {
  return node !== null && typeof node === 'object' && 'op' in node && 'args' in node;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
