import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { asLoginUser, becomingOf } from '../../../lib/transport/becoming.ts';
import { commandLine, quote, quoteForAnyShell } from '../../../lib/transport/quote.ts';

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

/** Backslashes within single quotes mean something else to fish than to `sh`. */
function escapedWithinQuotes(text: string): readonly string[] {
  return (text.match(/\\.|'[^']*'|[^'\\]+/gs) ?? []).filter((part) => /^'.*\\[\\']/s.test(part));
}

describe('quoteForAnyShell', () => {
  it('gives a real sh back exactly the words that went in', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 1, maxLength: 200 }), (words) => {
        expect(wordsSeenBySh(words.map(quoteForAnyShell).join(' '))).toEqual(words);
      }),
      { numRuns: 40 },
    );
  });

  it('leaves no backslash within single quotes that fish takes for an escape', () => {
    expect(quoteForAnyShell(String.raw`it's a \\ b\ `)).toBe(String.raw`'it'\''s a '\\'\ b\ '`);
    expect(escapedWithinQuotes(`${quote('a\\\\b')} ${quote('a b\\')}`)).toEqual(["'a\\\\b'", "'a b\\'"]);
    fc.assert(
      fc.property(word, (text) => {
        expect(escapedWithinQuotes(quoteForAnyShell(text))).toEqual([]);
      }),
    );
  });

  it.each([
    ['the login user', asLoginUser],
    ['root', becomingOf('postgres', undefined, true)],
    ['runuser', becomingOf('postgres', { method: 'runuser' }, true)],
    ['sudo', becomingOf('postgres', { method: 'sudo' }, false)],
    ['sudo on a terminal', becomingOf('postgres', { method: 'sudo' }, false, true)],
    ['su', becomingOf('postgres', { method: 'su' }, false)],
    ['doas', becomingOf('postgres', { method: 'doas' }, false)],
  ])('what a login shell reads is so quoted, and begins with a command: %s', (_, becoming) => {
    const text = becoming.wrap(String.raw`exec printf %s 'a\\b' 'it'\''s'`);
    expect(escapedWithinQuotes(text)).toEqual([]);
    expect(text).toMatch(/^exec [a-z]/);
  });
});
