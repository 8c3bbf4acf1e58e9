import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import type { Secret } from '../../base/values/secret.ts';
import type { Unknown } from '../../base/values/unknown.ts';
import type { VariableRef } from '../expression/variables.ts';
import { positionInText } from '../yaml/position.ts';
import { analyse, type Reference, TemplateFlaw } from './analyse.ts';
import type { Location, MustacheStatement, Program } from './ast.ts';
import { parseHandlebars, refuseJinjaStatements, templateError } from './parse.ts';
import { Renderer } from './render.ts';

/** The variables to render with, or what gives those that a template needs. */
export type RenderContext =
  | Readonly<Record<string, unknown>>
  | ((variables: readonly VariableRef[]) => Readonly<Record<string, unknown>>);

type Context = Readonly<Record<string, unknown>>;

export interface Template {
  readonly text: string;
  /** Nothing in it is rendered: `render` gives the text (with `\{{` read as `{{`). */
  readonly isConstant: boolean;
  /** All variables of the outermost context that it reads, in order; not what loops and block params bind. */
  readonly variables: readonly VariableRef[];
  /**
   * Exactly one expression and nothing else gives its value with its type; anything else gives text. What an
   * `Unknown` touches is that `Unknown`; text with a `Secret` in it is a `Secret`. Only own properties of plain data
   * are seen, functions are never called, and what comes out of a value is never rendered again.
   *
   * Throws kind `validation`: `undefined-variable`, `null-in-text`, `object-in-text`, `template-helper`.
   */
  render(context: Context): unknown;
}

interface Parsed {
  readonly program: Program;
  readonly references: readonly Reference[];
  /** The text, when nothing is rendered. */
  readonly constant: string | undefined;
  /** The one expression that is all of it. */
  readonly single: MustacheStatement | undefined;
}

// Templates come from the operator's files, which are few; the same text is parsed for each host and loop item.
const parsedTexts = new Map<string, Parsed>();

/**
 * Parses a value's text; `at` is where the text begins. Throws kind `validation`, code `template-syntax`, with a hint
 * for what looks like Jinja.
 */
export function parseTemplate(text: string, at?: SourcePosition): Template {
  if (!text.includes('{{')) {
    refuseJinjaStatements(text, at);
    return { text, isConstant: true, variables: [], render: () => text };
  }
  const { program, references, constant, single } = parsed(text, at);
  let variables: readonly VariableRef[] | undefined;
  return {
    text,
    isConstant: constant !== undefined,
    get variables() {
      variables ??= references.map((reference) => placed(reference, at));
      return variables;
    },
    render(context) {
      if (constant !== undefined) return constant;
      const renderer = new Renderer(context, at);
      return single === undefined ? renderer.text(program) : renderer.value(single);
    },
  };
}

/**
 * Renders every text inside plain data; keys are left alone, and so is everything that is no text, list or plain map.
 * `locate` is the `locate` of the value's `Located`.
 */
export function renderValue(
  value: unknown,
  context: Context,
  locate?: (path: readonly (string | number)[]) => SourcePosition,
): unknown {
  const walk = (part: unknown, path: readonly (string | number)[]): unknown => {
    if (typeof part === 'string')
      return part.includes('{{') ? parseTemplate(part, locate?.(path)).render(context) : part;
    if (Array.isArray(part)) return part.map((item, index) => walk(item, [...path, index]));
    if (part === null || typeof part !== 'object' || Object.getPrototypeOf(part) !== Object.prototype)
      return part;
    return Object.fromEntries(Object.entries(part).map(([key, inner]) => [key, walk(inner, [...path, key])]));
  };
  return walk(value, []);
}

/** Renders a template file: always text, also where it holds one expression only. `name` is the file, for messages. */
export function renderFile(text: string, name: string, context: RenderContext): string | Secret | Unknown {
  const at: SourcePosition = { file: name, line: 1, column: 1 };
  if (!text.includes('{{')) {
    refuseJinjaStatements(text, at);
    return text;
  }
  const { program, references } = parsed(text, at);
  const values =
    typeof context === 'function' ? context(references.map((reference) => placed(reference, at))) : context;
  return new Renderer(values, at).text(program);
}

function parsed(text: string, at: SourcePosition | undefined): Parsed {
  const known = parsedTexts.get(text);
  if (known !== undefined) return known;
  const program = parseHandlebars(text, at, isTemplate);
  const { body } = program;
  const [only] = body;
  const fresh: Parsed = {
    program,
    references: analysed(program, at),
    constant: body.every(
      (statement) => statement.type === 'ContentStatement' || statement.type === 'CommentStatement',
    )
      ? body.map((statement) => (statement.type === 'ContentStatement' ? statement.value : '')).join('')
      : undefined,
    single: body.length === 1 && only?.type === 'MustacheStatement' ? only : undefined,
  };
  parsedTexts.set(text, fresh);
  return fresh;
}

/** Whether pitr takes a text as a template. */
function isTemplate(text: string): boolean {
  const never = (): boolean => false;
  try {
    analyse(parseHandlebars(text, undefined, never), never);
    return true;
  } catch (error) {
    if (error instanceof PitrError || error instanceof TemplateFlaw) return false;
    throw error;
  }
}

function analysed(program: Program, at: SourcePosition | undefined): readonly Reference[] {
  try {
    return analyse(program, isTemplate);
  } catch (error) {
    if (!(error instanceof TemplateFlaw)) throw error;
    throw templateError('template-syntax', `invalid template: ${error.message}`, position(error.loc, at), [
      error.hint,
    ]);
  }
}

function placed({ name, path, loc, optional }: Reference, at: SourcePosition | undefined): VariableRef {
  return { name, path, optional, at: position(loc, at) };
}

function position(loc: Location, at: SourcePosition | undefined): SourcePosition | undefined {
  return at === undefined ? undefined : positionInText(at, loc.start.line, loc.start.column + 1);
}
