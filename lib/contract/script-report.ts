import { cut } from '../base/values/cut.ts';
/** A part of what one of our scripts printed: a heading, and lines of foreign text under it. */
export interface ReportPart {
  /** The words of the heading; the last one may hold spaces. */
  readonly kind: string;
  readonly rest: string;
  readonly lines: readonly string[];
}

/**
 * Reads the answer of a script that prints headings as `@kind rest` and foreign lines after a space, so that no text
 * can pass for a heading. Throws when the answer is not whole (no `@end`) or holds anything else.
 */
export function parseReport(text: string): readonly ReportPart[] {
  const parts: { kind: string; rest: string; lines: string[] }[] = [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) {
    const heading = /^@([a-z-]+)(?: (.*))?$/.exec(line);
    if (heading !== null) parts.push({ kind: heading[1] ?? '', rest: heading[2] ?? '', lines: [] });
    else if (line.startsWith(' ') && parts.length > 0) parts.at(-1)?.lines.push(line.slice(1));
    else throw new Error(`the answer is garbled: ${cut(JSON.stringify(line), 200)}`);
  }
  if (parts.at(-1)?.kind !== 'end') throw new Error('the answer is not whole');
  return parts.slice(0, -1);
}
