import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { commandLine, quote } from '../../../lib/transport/quote.ts';

/** What a real `sh` makes of a text: the words that a program would be given. */
function wordsSeenBySh(text: string): readonly string[] {
  const script = `show() { for word; do printf '%s\\0' "$word"; done; }; show ${text}`;
  const result = spawnSync('sh', ['-s'], { input: `${script}\n`, encoding: 'utf8' });
  expect(result.stderr).toBe('');
  return result.stdout.split('\0').slice(0, -1);
}

const word = fc.string({ unit: 'binary', maxLength: 40 }).map((text) => text.replaceAll('\0', ''));

describe('quote', () => {
  it.each([
    ['', "''"],
    ['plain-word_1.0/2:3,4@5%6+7', 'plain-word_1.0/2:3,4@5%6+7'],
    ['--option=value', '--option=value'],
    ['NAME=value', "'NAME=value'"],
    ['it is', "'it is'"],
    ["it's", "'it'\\''s'"],
    ['$HOME `id` $(id)', "'$HOME `id` $(id)'"],
    ['~root', "'~root'"],
    ['*', "'*'"],
    ['a\nb', "'a\nb'"],
    ['!', "'!'"],
    ['if', "'if'"],
  ])('writes %j as %s', (given, expected) => {
    expect(quote(given)).toBe(expected);
  });

  it('gives a real sh back exactly the words that went in', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 200 }), (words) => {
        expect(wordsSeenBySh(commandLine(words))).toEqual(words);
      }),
      { numRuns: 40 },
    );
  });

  it('keeps harmless-looking words from being read as shell language where a command stands', () => {
    for (const name of ['if', 'while', 'A=1', '{', '!', '[[', 'done', 'function']) {
      const result = spawnSync('sh', ['-c', `${quote(name)} argument`], { encoding: 'utf8' });
      expect(result.stderr).toContain('not found');
    }
  });

  it('refuses a NUL, which would cut the argument short', () => {
    expect(() => quote('a\0b')).toThrow('NUL');
  });
});
