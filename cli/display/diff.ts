import type { EventDiff } from '../../lib/engine/events/events.ts';
import { printable } from '../text.ts';
import type { Paint } from './paint.ts';

const CONTEXT = 2;
/** Beyond this a line-by-line comparison costs too much for a display: everything is shown as replaced. */
const MOST_CELLS = 4_000_000;

type Edit = readonly [' ' | '-' | '+', string];

/**
 * A difference in the unified form: what is common around it, `-` before, `+` after. What nobody sees is shown where it is the
 * difference: a carriage return, and the last line that has no end where the other one has.
 */
export function diffLines(diff: EventDiff, paint: Paint): string[] {
  const { before, after } = diff;
  const ends = before !== '' && after !== '' && before.endsWith('\n') !== after.endsWith('\n');
  const edits = compare(split(before, ends), split(after, ends));
  const lines = [`--- ${printable(diff.subject)} (before)`, `+++ ${printable(diff.subject)} (after)`];
  let skipped = false;
  for (const [index, [sign, text]] of edits.entries()) {
    if (sign === ' ' && !nearChange(edits, index)) {
      if (!skipped) lines.push(paint.quiet('  ...'));
      skipped = true;
      continue;
    }
    skipped = false;
    const line = `${sign} ${printable(text.replace(/\n$/, '').replaceAll('\r', '\\x0d'))}`;
    lines.push(sign === '+' ? paint.added(line) : sign === '-' ? paint.removed(line) : line);
    if (ends && !text.endsWith('\n')) lines.push(paint.quiet('\\ no line end here'));
  }
  return lines;
}

function split(text: string, withEnds: boolean): string[] {
  if (text === '') return [];
  if (withEnds) return text.split(/(?<=\n)/);
  return text.replace(/\n$/, '').split('\n');
}

function nearChange(edits: readonly Edit[], index: number): boolean {
  return edits.slice(Math.max(0, index - CONTEXT), index + CONTEXT + 1).some(([sign]) => sign !== ' ');
}

/** The longest common subsequence of lines, by the table; common start and end are taken off first. */
function compare(before: readonly string[], after: readonly string[]): Edit[] {
  let start = 0;
  while (start < before.length && start < after.length && before[start] === after[start]) start++;
  let end = 0;
  while (
    end < before.length - start &&
    end < after.length - start &&
    before[before.length - 1 - end] === after[after.length - 1 - end]
  ) {
    end++;
  }
  return [
    ...before.slice(0, start).map((line): Edit => [' ', line]),
    ...middle(before.slice(start, before.length - end), after.slice(start, after.length - end)),
    ...before.slice(before.length - end).map((line): Edit => [' ', line]),
  ];
}

function middle(before: readonly string[], after: readonly string[]): Edit[] {
  const replaced: Edit[] = [
    ...before.map((line): Edit => ['-', line]),
    ...after.map((line): Edit => ['+', line]),
  ];
  const width = after.length + 1;
  if (before.length === 0 || after.length === 0 || (before.length + 1) * width > MOST_CELLS) return replaced;
  const lengths = new Uint32Array((before.length + 1) * width);
  const at = (i: number, j: number): number => lengths[i * width + j] ?? 0;
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      lengths[i * width + j] =
        before[i] === after[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const edits: Edit[] = [];
  let i = 0;
  let j = 0;
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) {
      edits.push([' ', before[i] ?? '']);
      i++;
      j++;
    } else if (i < before.length && (j >= after.length || at(i + 1, j) >= at(i, j + 1))) {
      edits.push(['-', before[i++] ?? '']);
    } else {
      edits.push(['+', after[j++] ?? '']);
    }
  }
  return edits;
}
