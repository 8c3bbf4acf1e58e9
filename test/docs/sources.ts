import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type * as ESTree from 'oxc-parser';
import { type Comment, parseSync } from 'oxc-parser';
import { checkoutRoot } from '../../lab/checkout.ts';

/** A file of the code, as it was parsed. */
export interface Source {
  /** From the root of the checkout. */
  readonly file: string;
  readonly text: string;
  readonly program: ESTree.Program;
  readonly comments: readonly Comment[];
}

/** Every file of a room, in the order of their names. */
export function sourcesIn(room: string): readonly Source[] {
  return readdirSync(path.join(checkoutRoot, room), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => {
      const file = path.join(room, name);
      const text = readFileSync(path.join(checkoutRoot, file), 'utf8');
      const { program, comments } = parseSync(file, text, { preserveParens: false });
      return { file, text, program, comments };
    });
}

/** The comment that ends right above an offset, its lines joined. */
export function commentAbove({ text, comments }: Source, offset: number): string | undefined {
  const lines: string[] = [];
  let end = offset;
  for (const comment of comments.toReversed()) {
    if (comment.end > end) continue;
    if (text.slice(comment.end, end).trim() !== '') break;
    lines.unshift(comment.value.replace(/^\s*\*+/gm, '').trim());
    end = comment.start;
  }
  return lines.length === 0 ? undefined : lines.join(' ').replace(/\s+/g, ' ');
}
