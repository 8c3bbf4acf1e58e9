import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffLines } from '../../../../cli/display/diff.ts';
import { NO_PAINT } from '../../../../cli/display/paint.ts';

function diff(before: string, after: string): string[] {
  return diffLines({ subject: '/etc/x', before, after }, NO_PAINT);
}

describe('a difference', () => {
  it('shows what goes and what comes, with what is around it', () => {
    const before = 'one\ntwo\nthree\nfour\nfive\nsix\nseven\n';
    expect(diff(before, before.replace('five', 'FIVE\nfive and a half')).join('\n')).toMatchInlineSnapshot(`
      "--- /etc/x (before)
      +++ /etc/x (after)
        ...
        three
        four
      - five
      + FIVE
      + five and a half
        six
        seven"
    `);
  });

  it('of a new file is all new', () => {
    expect(diff('', 'a\nb\n').slice(2)).toEqual(['+ a', '+ b']);
  });

  it('of nothing shows nothing', () => {
    expect(diff('a\n', 'a\n').slice(2)).toEqual(['  ...']);
  });

  it('of the last line end alone says so, and where neither has one nothing', () => {
    expect(diff('a\nb', 'a\nb\n').slice(2)).toEqual(['  a', '- b', '\\ no line end here', '+ b']);
    expect(diff('a\n', 'a').slice(2)).toEqual(['- a', '+ a', '\\ no line end here']);
    expect(diff('5', '6').slice(2)).toEqual(['- 5', '+ 6']);
    expect(diff('', 'a').slice(2)).toEqual(['+ a']);
  });

  it('of carriage returns shows them, and all that stands before one', () => {
    expect(diff('a\r\nb\n', 'a\nhidden\rb\n').slice(2)).toEqual(['- a\\x0d', '- b', '+ a', '+ hidden\\x0db']);
  });

  it('leads from before to after', () => {
    const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 12 });
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const shown = diff(before.join('\n'), after.join('\n')).slice(2);
        const minus = shown.filter((line) => line.startsWith('- ')).map((line) => line.slice(2));
        const plus = shown.filter((line) => line.startsWith('+ ')).map((line) => line.slice(2));
        const count = (all: readonly string[], what: string): number =>
          all.filter((one) => one === what).length;
        for (const what of 'abcd') {
          expect(count(before, what) - count(minus, what) + count(plus, what)).toBe(count(after, what));
        }
      }),
    );
  });
});
