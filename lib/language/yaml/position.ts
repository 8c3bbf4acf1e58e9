import type { SourcePosition } from '../../base/errors/pitr-error.ts';

/**
 * The place in a file of a place inside a text that begins at `start` there. `line` and `column` are 1-based and
 * count within the text. Exact for one-line texts and literal blocks (`|`), whose lines share one indentation; for
 * folded texts the line is the nearest that can be known.
 */
export function positionInText(start: SourcePosition, line: number, column: number): SourcePosition {
  return { file: start.file, line: start.line + line - 1, column: start.column + column - 1 };
}

/** Line and column (1-based) of an offset in a text. */
export function lineAndColumn(
  text: string,
  offset: number,
): { readonly line: number; readonly column: number } {
  const before = text.slice(0, Math.max(0, offset));
  const lineStart = before.lastIndexOf('\n') + 1;
  let line = 1;
  for (let i = before.indexOf('\n'); i !== -1; i = before.indexOf('\n', i + 1)) line++;
  return { line, column: before.length - lineStart + 1 };
}
