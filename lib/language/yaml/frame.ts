import { readFileSync } from 'node:fs';
import type { SourcePosition } from '../../base/errors/pitr-error.ts';
import { MASK } from '../../base/values/secret.ts';
import { isSecretName } from '../../base/values/secret-names.ts';

const LINES_BEFORE = 2;
const MAX_WIDTH = 100;

/**
 * The lines around a place in a text, with a caret under the column, as compilers show them; empty when the text has
 * no such line. The values of secrets are masked. Long lines are cut around the column, tabs and control characters take one column each.
 */
export function sourceFrame(text: string, at: Pick<SourcePosition, 'line' | 'column'>): string[] {
  const lines = withoutSecrets(text.split(/\r?\n/));
  const focus = lines[at.line - 1];
  if (focus === undefined) return [];
  const column = Math.min(Math.max(1, at.column), focus.length + 1);
  const start = column > MAX_WIDTH - 20 ? column - MAX_WIDTH / 2 : 0;
  const width = String(at.line).length;

  const frame: string[] = [];
  for (let n = Math.max(1, at.line - LINES_BEFORE); n <= at.line; n++) {
    const shown = visible(lines[n - 1] ?? '', start);
    frame.push(`${n === at.line ? '>' : ' '} ${String(n).padStart(width)} | ${shown}`.trimEnd());
  }
  const lead = start > 0 ? 1 : 0;
  frame.push(`  ${' '.repeat(width)} | ${' '.repeat(column - 1 - start + lead)}^`);
  return frame;
}

/** The frame of a place in a file, read now; empty when the file cannot be read (any more). */
export function frameOf(position: SourcePosition): string[] {
  let text: string;
  try {
    text = readFileSync(position.file, 'utf8');
  } catch {
    // The frame is an ornament of an error message: without the file the position alone must do.
    return [];
  }
  return sourceFrame(text, position);
}

const ENTRY = /^(\s*(?:- +)?)(["']?)([\w.-]+)\2(\s*[:=]\s*)(.*)$/;

/** Lines in which the value of what has the name of a secret is masked, with the lines that go on with it. */
function withoutSecrets(lines: readonly string[]): readonly string[] {
  let indentation: number | undefined;
  return lines.map((line) => {
    const depth = line.search(/\S/);
    if (indentation !== undefined && (depth === -1 || depth > indentation))
      return depth === -1 ? line : `${line.slice(0, depth)}${MASK}`;
    indentation = undefined;
    const [, start = '', mark = '', name = '', between = '', value = ''] = ENTRY.exec(line) ?? [];
    if (name !== '' && isSecretName(name)) {
      indentation = start.length;
      return value === '' ? line : `${start}${mark}${name}${mark}${between}${MASK}`;
    }
    return line.replace(INLINE, (entry: string, before: string, inner: string, after: string) =>
      isSecretName(inner) ? `${before}${inner}${after}${MASK}` : entry,
    );
  });
}

/** `{ user: a, password: b }`, `name=value` and the like inside a line. */
const INLINE = /(["'{,\s]|^)([A-Za-z_][\w.-]*)(["']?\s*[:=]\s*)(?:"(?:\\.|[^"\\])*"?|'[^']*'?|[^\s,}"']+)/g;

function visible(line: string, start: number): string {
  const cut = line.slice(start, start + MAX_WIDTH);
  // What would move a terminal's cursor or turn the reading direction around is shown as one replacement character.
  const safe = cut.replace(/\t/g, ' ').replace(/[\p{Cc}\p{Cf}]/gu, '\ufffd');
  return `${start > 0 ? '…' : ''}${safe}${line.length > start + MAX_WIDTH ? '…' : ''}`;
}
