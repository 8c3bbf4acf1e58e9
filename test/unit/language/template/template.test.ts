import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { Secret } from '../../../../lib/base/values/secret.ts';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import { parseTemplate, renderFile, renderValue } from '../../../../lib/language/template/template.ts';

const at = { file: 'play.yml', line: 7, column: 11 };
const render = (text: string, context: Record<string, unknown> = {}) =>
  parseTemplate(text, at).render(context);

function failure(work: () => unknown): PitrError {
  try {
    work();
  } catch (error) {
    if (error instanceof PitrError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('one expression and nothing else keeps its type', () => {
  it.each([
    ['{{n}}', { n: 5431 }, 5431],
    ['{{ n }}', { n: false }, false],
    ['{{{n}}}', { n: '<a>' }, '<a>'],
    ['{{n}}', { n: null }, null],
    ['{{n}}', { n: ['a', 1] }, ['a', 1]],
    ['{{a.b}}', { a: { b: { c: 1 } } }, { c: 1 }],
    ['{{add n 1}}', { n: 4 }, 5],
    ['{{n.[0]}}', { n: ['x'] }, 'x'],
    ['{{a-b.c-d}}', { 'a-b': { 'c-d': 1 } }, 1],
    ['{{a.[b c]}}', { a: { 'b c': 1 } }, 1],
    ["{{ '{{' }}", {}, '{{'],
  ])('%s', (text, context, expected) => {
    expect(render(text, context)).toEqual(expected);
  });

  it.each([
    ['x {{n}}', { n: 1 }, 'x 1'],
    [' {{n}}', { n: true }, ' true'],
    ['{{n}}\n', { n: 1 }, '1\n'],
    ['{{a}}{{b}}', { a: 1, b: 2 }, '12'],
    ['{{#if n}}1{{/if}}', { n: 1 }, '1'],
    ['it\'s <b> & "q" {{n}}', { n: '\'<&>"' }, 'it\'s <b> & "q" \'<&>"'],
  ])('anything else is text: %s', (text, context, expected) => {
    expect(render(text, context)).toBe(expected);
  });
});

it('looks into other hosts, also where the host is in a variable', () => {
  const context = { target: 'db2', hostvars: { db2: { pgdata: '/data' }, 'db-3': { pgdata: '/d3' } } };
  expect(render('{{hostvars.db2.pgdata}}', context)).toBe('/data');
  expect(render('{{hostvars.db-3.pgdata}}', context)).toBe('/d3');
  expect(render('{{lookup (lookup hostvars target) "pgdata"}}', context)).toBe('/data');
  expect(render('{{lookup hostvars target "pgdata"}}.old', context)).toBe('/data.old');
});

it('finds loop data, outer levels and block params', () => {
  const context = { name: 'c1', hosts: [{ n: 'a' }, { n: 'b' }], ports: { x: 1 } };
  expect(
    render('{{#each hosts}}{{@index}}{{n}}{{../name}}{{#unless @last}},{{/unless}}{{/each}}', context),
  ).toBe('0ac1,1bc1');
  expect(render('{{#each hosts as |host i|}}{{i}}={{host.n}} {{/each}}', context)).toBe('0=a 1=b ');
  expect(render('{{#each ports}}{{@key}}={{this}}{{/each}}', context)).toBe('x=1');
  expect(render('{{#each hosts}}{{@root.name}}{{/each}}', context)).toBe('c1c1');
  expect(render('{{#each none}}x{{else}}empty{{/each}}', { none: [] })).toBe('empty');
  expect(render('{{#with ports}}{{x}}{{/with}}', context)).toBe('1');
});

describe('variables', () => {
  it.each([
    ['{{a}} {{b.c.d}}', ['a', 'b.c.d']],
    ['{{default a "x"}}', ['a?']],
    ['{{default a.b c}}', ['a.b?', 'c']],
    ['{{#if a}}{{a.b}} {{c}}{{else}}{{d}}{{/if}}', ['a?', 'a.b?', 'c', 'd']],
    ['{{#unless a}}{{b}}{{else}}{{a}}{{/unless}}', ['a?', 'b', 'a?']],
    ['{{#each l}}{{this}}{{x}}{{../y}}{{@root.z}}{{/each}}', ['l', 'y', 'z']],
    ['{{#each l as |i|}}{{i.x}}{{/each}}', ['l']],
    ['{{#if (and a (eq a.mode "x"))}}1{{/if}}', ['a?', 'a.mode?']],
    ['{{#if (eq a 1)}}1{{/if}}', ['a']],
    ['{{ternary a a.b c}}', ['a?', 'a.b?', 'c']],
    ['{{lookup (lookup hostvars target) "pgdata"}}', ['hostvars', 'target']],
    ['{{#if a}}{{#each l}}{{../a}}{{/each}}{{/if}}', ['a?', 'l', 'a?']],
    ['{{first}} {{first first}}', ['first', 'first']],
    ['\\{{a}}', []],
    ['{{! a }}{{!-- b --}}', []],
  ])('%s', (text, expected) => {
    const found = parseTemplate(text).variables;
    expect(
      found.map(({ name, path, optional }) => [name, ...path].join('.') + (optional ? '?' : '')),
    ).toEqual(expected);
  });

  it('stand at their place in the file, also on later lines', () => {
    expect(parseTemplate('a {{x}}\nbc {{y}}', at).variables.map((ref) => ref.at)).toEqual([
      { file: 'play.yml', line: 7, column: 15 },
      { file: 'play.yml', line: 8, column: 16 },
    ]);
  });

  it('of a text without expressions are none, and it stays as it is', () => {
    expect(parseTemplate('plain')).toMatchObject({ isConstant: true, variables: [] });
    expect(parseTemplate('a \\{{b}}')).toMatchObject({ isConstant: true });
    expect(render('a \\{{b}}')).toBe('a {{b}}');
    expect(render('{{{{raw}}}}{{ .State }}{{{{/raw}}}}')).toBe('{{ .State }}');
  });
});

describe('a missing variable', () => {
  it('is an error that names it, the nearest one and the place', () => {
    const error = failure(() => render('to {{pgdatta}}', { pgdata: '/x' }));
    expect(error).toMatchObject({
      kind: 'validation',
      code: 'undefined-variable',
      message: 'undefined variable "pgdatta" (did you mean "pgdata"?)',
      at: { file: 'play.yml', line: 7, column: 16 },
    });
  });

  it.each([
    ['{{r.stdot}}', { r: { stdout: '' } }, '"r" has no "stdot" (did you mean "stdout"?)'],
    ['{{r.a.b}}', { r: { a: 'x' } }, '"r.a" is text and has no "b"'],
    ['{{r.a}}', { r: null }, '"r" is null and has no "a"'],
    ['{{eq x 1}}', {}, 'undefined variable "x"'],
    ['{{#each hosts}}{{/each}}', {}, 'undefined variable "hosts"'],
    ['{{#if (eq x 1)}}{{/if}}', {}, 'undefined variable "x"'],
    ['{{lookup hostvars "db9"}}', { hostvars: { db1: {} } }, '"hostvars" has no "db9" (did you mean "db1"?)'],
    ['{{constructor}}', {}, 'undefined variable "constructor"'],
    ['{{x.__proto__}}', { x: {} }, '"x" has no "__proto__"'],
    ['{{x.toString}}', { x: {} }, '"x" has no "toString"'],
    ['{{x.reveal}}', { x: new Secret('abcd') }, '"x" is a secret text and has no "reveal"'],
  ])('%s', (text, context, message) => {
    expect(failure(() => render(text, context)).message).toBe(message);
  });

  it('inside a loop that exists outside says how to write it', () => {
    const error = failure(() => render('{{#each l}}{{name}}{{/each}}', { l: [{}], name: 1 }));
    expect(error.next).toEqual(['Inside a block that is ../name.']);
  });

  it.each([
    ['{{default x "d"}}', 'd'],
    ['{{default x.y.z "d"}}', 'd'],
    ['{{default (lookup x "y") "d"}}', 'd'],
    ['{{default x y 3}}', 3],
    ['{{#if x}}1{{else}}2{{/if}}', '2'],
    ['{{#if (and x x.y)}}1{{else}}2{{/if}}', '2'],
    ['{{#unless x}}1{{/unless}}', '1'],
    ['{{ternary x 1 2}}', 2],
  ])('may be missing in %s', (text, expected) => {
    expect(render(text, {})).toBe(expected);
  });
});

it('null is written into no text, except by way of default', () => {
  expect(failure(() => render('a{{x}}', { x: null })).code).toBe('null-in-text');
  expect(render('a{{default x "b"}}', { x: null })).toBe('ab');
  expect(render('a{{default x "b"}}', { x: '' })).toBe('a');
});

it('maps and lists are written into no text', () => {
  const error = failure(() => render('a {{x}}', { x: { b: 1 } }));
  expect(error).toMatchObject({
    code: 'object-in-text',
    next: ['Write {{json x}}, or name one of its parts.'],
  });
  expect(failure(() => render('a {{x}}', { x: [1] })).next).toEqual(['Write {{join x ", "}} or {{json x}}.']);
});

it.each([
  [
    'a {{lookup x "l"}}',
    'what "lookup" gives is a list inside a text',
    'Write {{join (lookup ...) ", "}} or {{json (lookup ...)}}.',
  ],
  [
    'a {{lookup x "m"}}',
    'what "lookup" gives is a map inside a text',
    'Write {{json (lookup ...)}}, or name one of its parts.',
  ],
  [
    'a {{lookup x "n"}}',
    'what "lookup" gives is null inside a text',
    'Say what stands for it: {{default (lookup ...) "..."}}',
  ],
])('%s: what a helper gives is not named as a variable', (text, message, next) => {
  const x = { l: [1], m: { b: 1 }, n: null };
  expect(failure(() => render(text, { x }))).toMatchObject({ message, next: [next] });
});

describe('what is unknown', () => {
  const unknown = new Unknown('result of "Promote"');

  it.each([
    '{{r}}',
    'a {{r}}',
    '{{r.stdout}}',
    '{{#if r}}x{{/if}}',
    '{{eq r 1}}',
    '{{json o}}',
    '{{default r 1}}',
    '{{default r.x 1}}',
    '{{and r true}}',
    '{{ternary r 1 2}}',
    '{{#each r}}x{{/each}}',
    'a{{join l}}',
    '{{lookup o r}}',
    '{{not r}}',
    '{{length r}}',
  ])('makes the whole result unknown: %s', (text) => {
    expect(render(text, { r: unknown, o: { in: unknown }, l: ['a', unknown] })).toBe(unknown);
  });

  it.each([
    ['{{#if no}}{{r}}{{else}}x{{/if}}', 'x'],
    ['{{and no r}}', false],
    ['{{or yes r}}', true],
    ['{{default yes r}}', true],
    ['{{o.known}}', 1],
    ['{{length l}}', 2],
    ['{{first l}}', 'a'],
    ['{{lookup hostvars "db1" "x"}}', 1],
  ])('does not matter where it is not looked at: %s', (text, expected) => {
    const context = {
      r: unknown,
      no: false,
      yes: true,
      o: { known: 1, in: unknown },
      l: ['a', unknown],
      hostvars: { db1: { x: 1 }, db2: unknown },
    };
    expect(render(text, context)).toEqual(expected);
  });
});

describe('a secret', () => {
  const s = new Secret('pa55word');
  const revealed = (value: unknown) =>
    value instanceof Secret ? value.reveal() : `not secret: ${JSON.stringify(value)}`;

  it.each([
    ['{{s}}', 'pa55word'],
    ['user:{{s}}', 'user:pa55word'],
    ['{{upper s}}', 'PA55WORD'],
    ['{{json o}}', '{"a":"pa55word"}'],
    ['{{quote s}} x', 'pa55word x'],
    ['{{concat "a" s}}', 'apa55word'],
    ['{{default s "x"}}', 'pa55word'],
    ['{{first (split s "5")}}', 'pa'],
    ['{{#each l}}{{this}},{{/each}}', 'pa55word,'],
  ])('stays one: %s', (text, expected) => {
    expect(revealed(render(text, { s, o: { a: s }, l: [s] }))).toBe(expected);
  });

  it('may be compared and counted', () => {
    expect(render('{{eq s "pa55word"}}', { s })).toBe(true);
    expect(render('{{#if s}}set{{/if}}', { s })).toBe('set');
  });

  it('is in no error', () => {
    const error = failure(() => render('{{isodate s}}', { s }));
    expect(JSON.stringify(error)).not.toContain('pa55word');
  });
});

describe('what comes from data is data', () => {
  it('is never rendered again', () => {
    expect(render('{{x}}', { x: '{{y}}', y: 1 })).toBe('{{y}}');
    expect(render('a{{x}}', { x: '{{y}}', y: 1 })).toBe('a{{y}}');
    expect(render('{{#each l}}{{this}}{{/each}}', { l: ['{{y}}'], y: 1 })).toBe('{{y}}');
  });

  it('is never called', () => {
    let called = false;
    const spy = () => {
      called = true;
    };
    expect(() => render('a{{f}}', { f: spy })).toThrow();
    expect(() => render('{{#each f}}{{/each}}', { f: spy })).toThrow();
    render('{{#if f}}{{/if}}', { f: spy });
    expect(called).toBe(false);
  });

  it('has only its own properties', () => {
    expect(render('{{__proto__}}', Object.fromEntries([['__proto__', 'mine']]))).toBe('mine');
    expect(() => render('{{l.map}}', { l: [] })).toThrow('has no "map"');
    expect(render('{{l.length}}', { l: [1] })).toBe(1);
  });
});

it('renders all texts inside plain data, keys not, other things untouched', () => {
  const secret = new Secret('abcd');
  const value = { '{{k}}': ['{{n}}', { deep: 'x{{n}}' }], n: 3, s: secret };
  expect(renderValue(value, { n: 1 })).toEqual({ '{{k}}': [1, { deep: 'x1' }], n: 3, s: secret });
  const places: unknown[] = [];
  const error = failure(() =>
    renderValue({ a: ['{{nope}}'] }, {}, (path) => {
      places.push(path);
      return { file: 'f.yml', line: 3, column: 5 };
    }),
  );
  expect(places).toEqual([['a', 0]]);
  expect(error.at).toEqual({ file: 'f.yml', line: 3, column: 7 });
});

it('a template file is always text, and its errors name file and line', () => {
  expect(renderFile('{{n}}', 't.hbs', { n: 1 })).toBe('1');
  expect(renderFile('a\n{{#if x}}\nb\n{{/if}}\nc\n', 't.hbs', { x: true })).toBe('a\nb\nc\n');
  expect(
    renderFile('{{n}}', 't.hbs', (variables) =>
      Object.fromEntries(variables.map(({ name }) => [name, name])),
    ),
  ).toBe('n');
  expect(failure(() => renderFile('a\n {{n}}', 't.hbs', {})).at).toEqual({
    file: 't.hbs',
    line: 2,
    column: 4,
  });
});

it('the length of a variable of the shell is no comment of Jinja', () => {
  expect(parseTemplate('{{x}} $' + '{#a} #}').render({ x: 1 })).toBe('1 $' + '{#a} #}');
});
