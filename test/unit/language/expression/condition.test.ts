import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { Secret } from '../../../../lib/base/values/secret.ts';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import { parseCondition } from '../../../../lib/language/expression/condition.ts';
import { evaluateExpression } from '../../../../lib/language/expression/evaluate.ts';

const at = { file: 'play.yml', line: 4, column: 9 };
const holds = (text: string, context: Record<string, unknown> = {}) =>
  parseCondition(text, at).evaluate(context);

function failure(work: () => unknown): PitrError {
  try {
    work();
  } catch (error) {
    if (error instanceof PitrError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const TEXT_FOR_TRUE = 'Where it is set, write true without quotes: yes, no, on and off are texts.';

it.each([
  ['r.rc == 0 && r.stdout.contains("x")', { r: { rc: 0, stdout: 'axb' } }, true],
  ['n + 1 > 5', { n: 5 }, true],
  ['1 + n * 2 - n / 2 == n + 2.0 + n', { n: 2 }, false],
  ['n % 2 == 0', { n: 4 }, true],
  ['2 == 2.0', {}, true],
  ['port == "5431"', { port: 5431 }, false],
  ['x == true || x == false', { x: 'latest' }, false],
  ['x == true', { x: 'no' }, false],
  ['name.matches("^db[0-9]$")', { name: 'db3' }, true],
  ['"db1" in hosts', { hosts: ['db1'] }, true],
  ['hosts.exists(h, h.startsWith(prefix))', { hosts: ['db1'], prefix: 'db' }, true],
  ['hosts.filter(h, h != target).size() == 1', { hosts: ['db1', 'db2'], target: 'db1' }, true],
  ['hostvars[target].port == 5431', { target: 'db2', hostvars: { db2: { port: 5431 } } }, true],
  ['hostvars[lower(target)].port == 5431', { target: 'DB2', hostvars: { db2: { port: 5431 } } }, true],
  ['results[0].rc == 0', { results: [{ rc: 0 }] }, true],
  ['has(x)', { x: null }, true],
  ['has(x)', {}, false],
  ['!has(x) || x.y == 1', {}, true],
  ['has(x) && has(y) && x == y', { x: 1, y: 1 }, true],
  ['has(r.a)', { r: { a: 1 } }, true],
  ['has(r.a)', { r: {} }, false],
  ['r.?a.orValue(3) == 3', { r: {} }, true],
  ['false && missing', {}, false],
  ['true || missing', {}, true],
  ['lsn("0/16B3748") < lsn(end)', { end: '1/0' }, true],
  ['instant("2026-01-23 12:30:00+01") == instant("2026-01-23T11:30:00Z")', {}, true],
  [
    'instant(a) < instant(b)',
    { a: '2026-01-23 12:30:00.000001+00', b: '2026-01-23 12:30:00.000002+00' },
    true,
  ],
  ['lower(a) == "x" && a.upper() == "X"', { a: 'X' }, true],
  ['x == null', { x: null }, true],
  ['a ==\n  b', { a: 1, b: 1 }, true],
  ['password == "hunter22"', { password: new Secret('hunter22') }, true],
  ['r["a-b"] == 1', { r: { 'a-b': 1 } }, true],
])('%s', (text, context, expected) => {
  expect(holds(text, context)).toBe(expected);
});

describe('variables', () => {
  it.each([
    ['a.b.c == d', ['a.b.c', 'd']],
    ['a["b"][0].c == 1', ['a.b.0.c']],
    ['hostvars[target].pgdata == "x"', ['hostvars', 'target']],
    ['hostvars[lower(target)].pgdata == "x"', ['hostvars', 'target']],
    ['has(a) && a.b == c', ['a?', 'a.b?', 'c']],
    ['!has(a) || a == 1', ['a?', 'a?']],
    ['has(a) ? a == 1 : b', ['a?', 'a?', 'b']],
    ['has(a.b) && a.b', ['a.b', 'a.b?']],
    ['l.exists(x, x.y == z)', ['l', 'z']],
    ['cel.bind(y, a, y + b) > 0', ['a', 'b']],
    ['[a, {"k": b}].size() == 2', ['a', 'b']],
    ['type(a) == int', ['a']],
    ['true', []],
  ])('%s', (text, expected) => {
    const found = parseCondition(text).variables;
    expect(
      found.map(({ name, path, optional }) => [name, ...path].join('.') + (optional ? '?' : '')),
    ).toEqual(expected);
  });

  it('stand at their place in the file', () => {
    expect(parseCondition('a == 1 &&\n b', at).variables.map((ref) => ref.at)).toEqual([
      at,
      { file: 'play.yml', line: 5, column: 10 },
    ]);
  });
});

describe('an error', () => {
  it.each([
    ['pgdatta == "x"', 'undefined variable "pgdatta" (did you mean "pgdata"?)', 9],
    ['true && r.stdot == ""', '"r" has no "stdot" (did you mean "stdout"?)', 19],
    ['has(pgdata) && r.stdot == ""', '"r" has no "stdot" (did you mean "stdout"?)', 26],
    ['r.stdout > 5', 'there is no text > number', 9],
    ['r[0].x', '"r" has no "0"', 9],
    ['instant("2026-01-23 12:30:00") > 0', 'instant() needs a moment with its zone', 9],
  ])('%s', (text, message, column) => {
    const error = failure(() => holds(text, { pgdata: '/x', r: { stdout: '' } }));
    expect(error.kind).toBe('validation');
    expect(error.message).toContain(message);
    expect(error.at).toEqual({ file: 'play.yml', line: 4, column });
  });

  it.each([
    ['n', { n: 1 }, 'a condition must be true or false, not number', 'Compare it: x == 0, x != 0.'],
    ['s', { s: 'abc' }, 'a condition must be true or false, not text', undefined],
    [
      's',
      { s: 'no' },
      'not text',
      'The value is the text "no": where it is set, write false without quotes.',
    ],
    ['l', { l: [] }, 'not list', 'Compare its size: size(x) > 0.'],
    ['n && true', { n: 1 }, 'a test must be true or false, not number', 'Compare it: x == 0, x != 0.'],
    ['!n', { n: 1 }, 'there is no !number', 'Compare it: x == 0, x != 0.'],
    ['"a" in s', { s: 'abc' }, 'there is no text in text', 'Write text.contains("part").'],
    ['x == true', { x: 'yes' }, 'a text that says true is compared with true', TEXT_FOR_TRUE],
    ['true != x', { x: 'on' }, 'a text that says true is compared with true', TEXT_FOR_TRUE],
    ['!(r.x == y)', { r: { x: 'No' }, y: false }, 'a text that says false is compared with false', undefined],
    ['x == True', { x: true }, 'undefined variable "True"', 'Write true.'],
  ])('there is no truthiness: %s with %j', (text, context, message, hint) => {
    const error = failure(() => holds(text, context));
    expect(error.message).toContain(message);
    if (hint !== undefined) expect(error.next).toContain(hint);
  });

  it.each([
    ['"abc"', 'a condition must be true or false, not text'],
    ['1 + 1', 'a condition must be true or false, not number'],
    ['x.foo()', 'unknown function "foo"'],
    ['sise(x) > 0', 'unknown function "sise" (did you mean "size"?)'],
    ['1 + "a" == 2', 'there is no number + text'],
    ['a ==', 'invalid condition'],
    ['size(list) > 0', "no matching overload for 'size(type)'"],
    ['', 'invalid condition'],
    ['{{ x }}', '{{ }} has no place in it'],
    ["'{{ x }}' == 'a'", '{{ }} has no place in it'],
  ])('is found before anything runs: %s', (text, message) => {
    expect(failure(() => parseCondition(text, at)).message).toContain(message);
  });
});

it.each([
  ['a and b', 'Write: a && b'],
  ["a == 'x and y' or not b", "Write: a == 'x and y' || !b"],
  ['x is defined', 'Write: has(x)'],
  ['x.y is not defined and z', 'Write: !has(x.y) && z'],
  ['a = 1', 'Write: a == 1'],
  ['a === 1', 'Write: a == 1'],
  ['a <> 1', 'Write: a != 1'],
  ['x | default(1) == 1', 'Write: (has(x) ? x : 1) == 1'],
  [
    'x | regex_search("a") == 1',
    'There are no filters with |: use functions, as in size(x), lower(x), has(x), x.contains("y").',
  ],
  ['x is none', 'Write: x == null'],
  [
    'x is match("a")',
    'There are no tests with "is": write has(x), "key" in x, x == null, x.matches("pattern").',
  ],
  [
    'has(hostvars[item].x)',
    'Behind an index, ask what holds the key: has(x[i].key) is written "key" in x[i].',
  ],
  ['size(list) == 0', '"list" is a word of the language, not a variable: rename the variable.'],
  ['a.0 == 1', 'Write: a[0] == 1'],
])('what looks like Jinja gets a hint: %s', (text, hint) => {
  expect(failure(() => parseCondition(text, at)).next).toEqual([hint]);
});

describe('what is unknown', () => {
  const unknown = new Unknown('result of "Promote"');
  const context = {
    r: unknown,
    part: { known: 1, un: unknown, deep: { a: 1, u: unknown } },
    items: [1, unknown],
    hostvars: { db1: { x: 1 }, db2: { x: unknown } },
    db1: 'db1',
    db2: 'db2',
    yes: true,
    no: false,
  };

  it.each([
    'r',
    'r.rc == 0',
    'has(r)',
    'has(r.x)',
    '!has(r)',
    'has(part.un)',
    'part.un == 1',
    'part.?un.orValue(1) == 1',
    'size(part) == 2',
    'size(part.deep) > 0 && part.deep.a == 1',
    'part.deep == {"a": 1}',
    'size(items) == 2',
    'items.exists(x, x == 1)',
    '1 in items',
    'items[1] == 1',
    'hostvars[db2].x == 1',
    'hostvars[r].x == 1',
    'hostvars[lower(db2)].x == 1',
    'yes && r',
    'r || no',
    'r ? true : true',
  ])('makes the answer unknown: %s', (text) => {
    expect(holds(text, context)).toBe(unknown);
  });

  it.each([
    ['no && r', false],
    ['r && no', false],
    ['yes || r', true],
    ['no && has(r.x)', false],
    ['part.known == 1', true],
    ['part.deep.a == 1', true],
    ['has(part.known)', true],
    ['has(part.nothing)', false],
    ['has(part)', true],
    ['items[0] == 1', true],
    ['hostvars[db1].x == 1', true],
    ['hostvars["db1"].x == 1', true],
    ['hostvars[lower(db1)].x == 1', true],
    ['yes ? yes : r', true],
  ])('does not matter where the answer is the same anyway: %s', (text, expected) => {
    expect(holds(text, context)).toBe(expected);
  });

  it('does not excuse a variable that does not exist', () => {
    expect(failure(() => holds('typo == 1 && part.known == 1', context)).code).toBe('undefined-variable');
  });
});

describe('a value', () => {
  it.each([
    ['1 + 1', {}, 2],
    ['n + 1', { n: 1 }, 2],
    ['size(l)', { l: [1] }, 1],
    ['[1, "a", {"b": 2}]', {}, [1, 'a', { b: 2 }]],
    ['9007199254740993', {}, '9007199254740993'],
    ['a.?b', { a: {} }, null],
    ['l.map(x, x + "!")', { l: ['a'] }, ['a!']],
    ['timestamp("2026-01-23T12:30:00Z")', {}, '2026-01-23T12:30:00.000Z'],
  ])('is plain data: %s', (text, context, expected) => {
    expect(evaluateExpression(text, context)).toEqual(expected);
  });

  it('made of a secret is secret, and is in no error', () => {
    const context = { s: new Secret('hunter22') };
    const value = evaluateExpression('s + "!"', context);
    expect(value instanceof Secret && value.reveal()).toBe('hunter22!');
    for (const text of [
      'bool(s)',
      's > 1',
      's',
      '"a".matches("(" + s)',
      'duration(s) > duration("1s")',
      's.x == 1',
    ]) {
      expect(JSON.stringify(failure(() => holds(text, context)))).not.toContain('hunter22');
    }
  });

  it('reads only the variables that are named', () => {
    const context = {
      a: 1,
      get b() {
        throw new Error('read');
      },
    };
    expect(evaluateExpression('a == 1', context)).toBe(true);
  });
});
