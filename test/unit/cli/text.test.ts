import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { duration, oneLine, printable, truncate, wrapWords } from '../../../cli/text.ts';

const text = fc.string({ unit: 'binary' });

describe('text from hosts', () => {
  it.each([
    ['colours', '\u001b[31mred\u001b[0m', 'red'],
    ['a title for the terminal', 'a\u001b]0;owned\u0007b', 'ab'],
    ['a bell', 'ding\u0007', 'ding\\x07'],
    ['a progress line drawn over itself', '10%\r50%\r100%\nend', '100%\nend'],
    ['line ends of another system', 'a\r\nb\r\n', 'a\nb\n'],
    ['letters that turn the direction of what follows', 'a\u202eb', 'a\\x202eb'],
    ['tabs and line ends', 'a\tb\nc', 'a\tb\nc'],
  ])('%s', (_, from, to) => {
    expect(printable(from)).toBe(to);
  });

  it('never reaches the terminal with a control character in it', () => {
    fc.assert(
      fc.property(text, (any) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be left
        expect(printable(any)).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
        expect(oneLine(any)).not.toMatch(/[\n\t]/);
      }),
    );
  });
});

describe('layout', () => {
  it('keeps every word and breaks only between words', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z/]{1,30}$/)),
        fc.integer({ min: 10, max: 80 }),
        (words, columns) => {
          const lines = wrapWords(words.join(' '), columns, '  ');
          expect(lines.flatMap((line) => line.trim().split(' '))).toEqual(words);
          for (const line of lines) {
            if (line.trim().includes(' ')) expect(line.length).toBeLessThanOrEqual(columns);
          }
        },
      ),
    );
  });

  it('cuts characters, not their halves', () => {
    expect(truncate('𝄞𝄞𝄞𝄞', 3)).toBe('𝄞𝄞…');
    expect(truncate('abc', 3)).toBe('abc');
  });

  it.each([
    [0, '0 ms'],
    [999, '999 ms'],
    [1000, '1.0 s'],
    [59_949, '59.9 s'],
    [59_950, '1 min 00 s'],
    [61_200, '1 min 01 s'],
    [3_599_400, '59 min 59 s'],
    [3_725_000, '1 h 02 min'],
  ])('%i ms are %s', (milliseconds, words) => {
    expect(duration(milliseconds)).toBe(words);
  });
});
