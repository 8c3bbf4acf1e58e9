import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HELPERS } from '../../../../lib/language/template/helpers.ts';
import { parseTemplate } from '../../../../lib/language/template/template.ts';

const render = (text: string, context: Record<string, unknown> = {}) => parseTemplate(text).render(context);

describe('every helper does what its documentation shows', () => {
  it.each([...HELPERS.values()])('$name', ({ example, usage, name }) => {
    expect(render(example.template, example.context)).toEqual(example.gives);
    expect(example.template).toContain(name);
    expect(usage.startsWith(`(${name}`)).toBe(true);
  });
});

it.each([
  ['{{eq 1 "1"}}', {}, false],
  ['{{eq a b}}', { a: [1], b: [1] }, true],
  ['{{lt "a" "b"}}', {}, true],
  ['{{or a b}}', { a: 0, b: '' }, ''],
  ['{{or a b}}', { a: 0, b: 'off' }, 'off'],
  ['{{#with a}}{{this}}{{/with}}', { a: 'off' }, 'off'],
  ['{{#if a}}on{{/if}}', { a: 'yes' }, 'on'],
  ['{{eq a false}}', { a: 'latest' }, false],
  ['{{bytes 0}}', {}, '0 B'],
  ['{{bytes 1023}}', {}, '1023 B'],
  ['{{bytes 1024}}', {}, '1 KiB'],
  ['{{bytes 1048575}}', {}, '1 MiB'],
  ['{{bytes 107374182400}}', {}, '100 GiB'],
  ['{{bytes -1536}}', {}, '-1.5 KiB'],
  ['{{isodate 0}}', {}, '1970-01-01T00:00:00Z'],
  ['{{quote l}}', { l: ['a b', 'c'] }, "'a b' c"],
  ['{{contains m "a"}}', { m: { a: 1 } }, true],
  ['{{indent t 2}}', { t: 'a\n\nb\n' }, 'a\n\n  b\n'],
  ['{{default a (list)}}', {}, []],
  ['{{dict a=(dict) b=list}}', { list: 2 }, { a: {}, b: 2 }],
  ['{{number port}}', { port: '5431' }, 5431],
])('%s', (text, context, expected) => {
  expect(render(text, context)).toEqual(expected);
});

it.each([
  ['{{#if flag}}on{{/if}}', 'a text that says no, off or false is tested'],
  ['{{#unless flag}}on{{/unless}}', 'a text that says no, off or false is tested'],
  ['{{not flag}}', 'not: a text that says no, off or false is tested'],
  ['{{ternary flag 1 2}}', 'a text that says no, off or false is tested'],
  ['{{or flag 1}}', 'a text that says no, off or false is tested'],
  ['{{and true flag 1}}', 'a text that says no, off or false is tested'],
  ['{{eq flag false}}', 'eq: a text that says false is compared with false'],
  ['{{ne true "Yes"}}', 'ne: a text that says true is compared with true'],
  ['{{lt 1 "a"}}', 'lt: two numbers or two texts can be compared, not a number with text'],
  ['{{first l}}', 'first: the list is empty'],
  ['{{join "a"}}', 'join: the first argument must be a list, not text'],
  ['{{add "x" 1}}', 'add: the first argument must be a number, not text'],
  ['{{divide 1 0}}', 'divide: the result is not a number'],
  ['{{isodate "2026-01-23 12:30:00"}}', 'isodate: "2026-01-23 12:30:00" does not say in which time zone'],
  ['{{pgconf "a\nb"}}', 'pgconf: a setting cannot hold a line break'],
])('%s is refused', (text, message) => {
  expect(() => render(text, { l: [], flag: 'no' })).toThrow(message);
});

it('quote survives a real shell', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.string({ unit: 'binary' }).map((s) => Buffer.from(s.replaceAll('\0', '')).toString()),
        { minLength: 1 },
      ),
      (words) => {
        const command = render('printf "%s\\0" {{quote words}}', { words });
        const out = execFileSync('/bin/sh', ['-c', String(command)]).toString();
        expect(out).toBe(words.map((word) => `${word}\0`).join(''));
      },
    ),
    { numRuns: 20 },
  );
});

it('pgconf and pgquote keep every text inside its quotes', () => {
  fc.assert(
    fc.property(
      fc.string().filter((s) => !/[\0\r\n]/.test(s)),
      (text) => {
        const conf = String(render('{{pgconf t}}', { t: text }));
        expect(conf.slice(1, -1).replaceAll('\\\\', '').replaceAll("''", '')).not.toMatch(/['\\]/);
        expect(conf.slice(1, -1).replace(/''|\\\\/g, (pair) => pair.charAt(0))).toBe(text);
        const sql = String(render('{{pgquote t}}', { t: text }));
        expect(sql.replace(/^E?'/, '').slice(0, -1).replaceAll("''", '')).not.toContain("'");
      },
    ),
  );
});
