import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { splitWords } from '../../../../lib/base/values/split-words.ts';
import { describeFault } from '../../../../lib/system/core/command-words.ts';

describe('the words of a command line', () => {
  it.each([
    ['ls -l /tmp', ['ls', '-l', '/tmp']],
    ['  a   b\t c\nd ', ['a', 'b', 'c', 'd']],
    [`echo 'a b' "c d" e\\ f`, ['echo', 'a b', 'c d', 'e f']],
    [`a"b"'c'd`, ['abcd']],
    [`x '' ""`, ['x', '', '']],
    [`"a\\"b\\\\c\\d"`, ['a"b\\c\\d']],
    [`'a\\b'`, ['a\\b']],
    ['$HOME *.sql ~/x', ['$HOME', '*.sql', '~/x']],
    [`grep '|' ">"`, ['grep', '|', '>']],
    ['a|b x>y 2&1', ['a|b', 'x>y', '2&1']],
    ['', []],
  ])('%j', (text, words) => {
    expect(splitWords(text)).toEqual(words);
  });

  it.each(['a | b', 'a && b', 'a || b', 'a ; b', 'a > b', 'a 2> b', 'a 2>&1', 'a < b', 'a >> b', 'a &'])(
    '%j needs a shell',
    (text) => {
      const outcome = splitWords(text);
      expect(outcome).toHaveProperty('fault', 'shell-operator');
      expect('fault' in outcome && describeFault(outcome)).toMatch(/core\.shell/);
    },
  );

  it.each([`a 'b`, `a "b`, `a "b\\"`])('%j is not closed', (text) => {
    expect(splitWords(text)).toHaveProperty('fault', 'unclosed-quote');
  });

  it('are those of a real sh, where nothing but quotes is in play', () => {
    const text = fc
      .array(
        fc.constantFrom(
          'a',
          'b',
          ' ',
          '  ',
          "'x y'",
          '"x y"',
          '\\ ',
          '"\\""',
          "''",
          '\\a',
          '"\\\\"',
          '"a\\b"',
        ),
        { maxLength: 10 },
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(text, (line) => {
        const words = splitWords(line);
        const { stdout } = spawnSync('sh', ['-c', `for w in ${line}\ndo printf '%s\\0' "$w"; done`], {
          encoding: 'utf8',
        });
        expect(words).toEqual(stdout.split('\0').slice(0, -1));
      }),
      { numRuns: 100 },
    );
  });
});
