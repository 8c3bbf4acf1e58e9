import { createRequire } from 'node:module';
import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';
import { lineAndColumn, positionInText } from '../yaml/position.ts';
import type { Program } from './ast.ts';
import { jinjaHint, jinjaStatement } from './jinja.ts';

/** The part of Handlebars that is needed: its parser alone loads four times as fast as the whole. */
interface HandlebarsParser {
  readonly parse: (text: string) => Program;
  readonly parser: { readonly lexer: { readonly yylloc?: { first_line?: number; first_column?: number } } };
}

const require = createRequire(import.meta.url);
let loaded: HandlebarsParser | undefined;

/** Loaded when the first `{{` is met: a run without templates does not pay for it. */
function handlebars(): HandlebarsParser {
  loaded ??= require('handlebars/dist/cjs/handlebars/compiler/base.js') as HandlebarsParser;
  return loaded;
}

/**
 * The syntax tree of a template; `accepts` tells whether what its error would offer instead is one. Throws kind `validation`, code `template-syntax`, with a
 * hint for what looks like Jinja.
 */
export function parseHandlebars(
  text: string,
  at: SourcePosition | undefined,
  accepts: (template: string) => boolean,
): Program {
  const statement = jinjaStatement(text);
  if (statement !== -1) throw jinjaStatementError(text, statement, at);
  const { parse, parser } = handlebars();
  try {
    return parse(text);
  } catch (error) {
    throw syntaxError(text, at, error, parser.lexer.yylloc, accepts);
  }
}

/** `{% if %}` and `{# #}` are plain text to Handlebars, and would be printed. */
export function refuseJinjaStatements(text: string, at: SourcePosition | undefined): void {
  const statement = jinjaStatement(text);
  if (statement !== -1) throw jinjaStatementError(text, statement, at);
}

export function templateError(
  code: string,
  message: string,
  at: SourcePosition | undefined,
  next?: readonly (string | undefined)[],
): PitrError {
  return new PitrError({
    kind: 'validation',
    code,
    message,
    at,
    next: next?.filter((line) => line !== undefined),
  });
}

function jinjaStatementError(text: string, offset: number, at: SourcePosition | undefined): PitrError {
  const { line, column } = lineAndColumn(text, offset);
  const comment = text.startsWith('{#', offset);
  return templateError(
    'template-syntax',
    comment ? 'a Jinja comment {# ... #} in a template' : 'a Jinja statement {% ... %} in a template',
    at === undefined ? undefined : positionInText(at, line, column),
    [
      comment
        ? 'Write {{!-- ... --}}: that is not printed.'
        : 'Write {{#if x}}...{{else}}...{{/if}} or {{#each list}}...{{/each}}.',
    ],
  );
}

function syntaxError(
  text: string,
  at: SourcePosition | undefined,
  error: unknown,
  place: { first_line?: number; first_column?: number } | undefined,
  accepts: (template: string) => boolean,
): PitrError {
  const known = error instanceof Error ? error : new Error(String(error));
  const own = known as Error & { lineNumber?: number; column?: number };
  const line = own.lineNumber ?? place?.first_line ?? 1;
  const column = (own.column ?? place?.first_column ?? 0) + 1;
  const offset = offsetOf(text, line, column);
  const opening = text.lastIndexOf('{{', offset);
  const closing = text.indexOf('}}', opening);
  const expression =
    opening === -1
      ? ''
      : text.slice(opening + 2, closing === -1 ? undefined : closing).replace(/^[{~&]+/, '');
  const unclosed = opening !== -1 && closing === -1;
  const start = unclosed ? lineAndColumn(text, opening) : { line, column };
  return templateError(
    'template-syntax',
    `invalid template: ${reason(known.message, unclosed)}`,
    at === undefined ? undefined : positionInText(at, start.line, start.column),
    [jinjaHint(expression, accepts)],
  );
}

/** The parser's message without its own picture of the place; its token names are of no use to anybody. */
function reason(message: string, unclosed: boolean): string {
  if (unclosed) return '{{ is never closed';
  const got = /Expecting .*, got '([A-Z_]+)'/s.exec(message)?.[1];
  if (got === undefined) return (message.split('\n')[0] ?? message).replace(/ - \d+:\d+$/, '');
  const words: Readonly<Record<string, string>> = {
    EOF: 'a block that is opened with {{# is never closed',
    OPEN_ENDBLOCK: 'a block is closed that was not opened',
    CLOSE: 'an expression ends too early',
    INVALID: 'a character that has no meaning here',
    EQUALS: 'an equals sign that has no meaning here',
    CLOSE_BLOCK_PARAMS: 'a | that has no meaning here',
  };
  return words[got] ?? 'not an expression that can be read';
}

function offsetOf(text: string, line: number, column: number): number {
  let start = 0;
  for (let n = 1; n < line; n++) {
    const next = text.indexOf('\n', start);
    if (next === -1) return text.length;
    start = next + 1;
  }
  return Math.min(text.length, start + column - 1);
}
