import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { dumpYaml } from '../../../../lib/language/yaml/dump.ts';
import { loadYaml, located, part, rawScalar } from '../../../../lib/language/yaml/load.ts';

const load = (text: string) => loadYaml('play.yml', text);

function failure(text: string): PitrError {
  try {
    load(text);
  } catch (error) {
    if (error instanceof PitrError) return error;
    throw error;
  }
  throw new Error(`loaded: ${text}`);
}

describe('scalars are what was typed', () => {
  it.each([
    ['5431', 5431],
    ['-3', -3],
    ['0', 0],
    ['1.5', 1.5],
    ['true', true],
    ['~', null],
    ['', null],
    ['20260123', 20260123],
    ['20260123T120000', '20260123T120000'],
    ['0644', '0644'],
    ['0o644', '0o644'],
    ['0x1F', '0x1F'],
    ['1e3', '1e3'],
    ['15.10', '15.10'],
    ['1.0', '1.0'],
    ['-0', '-0'],
    ['+5', '+5'],
    ['.5', '.5'],
    ['.inf', '.inf'],
    ['1_000', '1_000'],
    ['000000010000000000000003', '000000010000000000000003'],
    ['999999999999999', 999999999999999],
    ['1234567890123456', '1234567890123456'],
    ['2026-01-23 12:30:00', '2026-01-23 12:30:00'],
    ['12:30:00', '12:30:00'],
    ['0/16B3748', '0/16B3748'],
    ['yes', 'yes'],
    ['off', 'off'],
    ['"{{ x }}"', '{{ x }}'],
    ['start {{ x }}', 'start {{ x }}'],
  ])('%s', (text, expected) => {
    expect(load(`a: ${text}`).value).toEqual({ a: expected });
  });

  it('a number is one only when its text survives', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[-+]?[0-9]{0,20}(\.[0-9]{0,20})?(e[0-9]+)?$/).filter((text) => text !== '-'),
        (text) => {
          const { value } = part(load(`a: ${text}`), ['a']);
          expect(String(value ?? '')).toBe(text);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('keys are text', () => {
    expect(load('1: a\ntrue: b').value).toEqual({ 1: 'a', true: 'b' });
  });

  it('rawScalar tells how a value was spelled', () => {
    const doc = load('a: True\nb: ~\nc: 12\nd: x\ne: [1]\nf: "0012"');
    expect(['a', 'b', 'c', 'd', 'e', 'f', 'g'].map((key) => rawScalar(doc, [key]))).toEqual([
      'True',
      '~',
      '12',
      'x',
      undefined,
      '0012',
      undefined,
    ]);
    expect(rawScalar(part(doc, ['a']))).toBe('True');
  });
});

it.each([[''], ['# only a comment\n'], ['---\n'], ['\n\n']])('an empty file is null: %j', (text) => {
  expect(load(text).value).toBeNull();
});

it('merges with <<, and knows where merged keys stand', () => {
  const doc = load('base: &b\n  x: 1\n  y: 2\nhost:\n  <<: *b\n  y: 3\n');
  expect(doc.value).toEqual({ base: { x: 1, y: 2 }, host: { x: 1, y: 3 } });
  expect(doc.locate(['host', 'x'])).toMatchObject({ line: 2, column: 6 });
  expect(doc.locate(['host', 'y'])).toMatchObject({ line: 6, column: 6 });
});

describe('places', () => {
  const text = [
    'plays:',
    '  - name: "quoted {{x}}"',
    '    run: |',
    '      first',
    '        second',
    "    when: 'a'",
    '    empty:',
    '    plain: abc # c',
    '    fold: >-',
    '',
    '       x',
    '    flow: {a: [1, two]}',
    '',
  ].join('\n');
  const doc = load(text);

  it.each([
    [[], 1, 1],
    [['plays'], 2, 3],
    [['plays', 0], 2, 5],
    [['plays', 0, 'name'], 2, 12],
    [['plays', 0, 'run'], 4, 7],
    [['plays', 0, 'when'], 6, 12],
    [['plays', 0, 'plain'], 8, 12],
    [['plays', 0, 'fold'], 10, 8],
    [['plays', 0, 'flow', 'a', 1], 12, 19],
    [['plays', 0, 'nothing'], 2, 5],
    [['plays', 7, 'x'], 2, 3],
  ])('of %j: line %d, column %d', (path, line, column) => {
    expect(doc.locate(path)).toEqual({ file: 'play.yml', line, column });
  });

  it('of keys', () => {
    expect(doc.locateKey(['plays', 0, 'run'])).toMatchObject({ line: 3, column: 5 });
    expect(doc.locateKey(['plays', 0, 'empty'])).toMatchObject({ line: 7, column: 5 });
  });

  it('survive taking parts of parts, spreading and detaching', () => {
    const task = part(part(doc, ['plays']), [0]);
    expect(part(task, ['run'])).toMatchObject({ value: 'first\n  second\n', at: { line: 4, column: 7 } });
    const { locate } = task;
    expect(locate(['when'])).toMatchObject({ line: 6, column: 12 });
    const copy = { ...part(task, ['when']), value: 'other' };
    expect([copy.value, copy.at.line]).toEqual(['other', 6]);
    expect(part(task, ['nothing', 'at all'])).toMatchObject({ value: undefined, at: { line: 2 } });
    expect(part(located({ a: 1 }, doc.at), ['a'])).toMatchObject({ value: 1, at: { line: 1 } });
  });
});

it.each([
  ['a: {{ x }}', 'a value that begins with {{ must be quoted', 1, 4, 'Quote the whole value: a: "{{ x }}"'],
  [
    'a: {{ x }}/b',
    'a value that begins with {{ must be quoted',
    1,
    4,
    'Quote the whole value: a: "{{ x }}/b"',
  ],
  ['- {{ x }}', 'a value that begins with {{ must be quoted', 1, 3, 'Quote the whole value: "{{ x }}"'],
  [
    '- n: {{ x.y "z" }}',
    'a value that begins with {{ must be quoted',
    1,
    6,
    'Quote the whole value: n: \'{{ x.y "z" }}\'',
  ],
  ['a:\n\tb: 1', 'a tab is used as indentation', 2, 1, 'Indent with spaces; YAML does not allow tabs there.'],
  [
    'a: b: c',
    'two "key: value" on one line',
    1,
    4,
    'If the value itself holds a colon and a space, quote the whole value.',
  ],
  [
    'a: 1\n  b: 2',
    'a key stands deeper than the value before it',
    1,
    4,
    'Keys of one map start in the same column; a key with a value of its own cannot hold more keys.',
  ],
  [
    'x:\n  a: 1\n  a: 2',
    'the key "a" is given twice in one map',
    3,
    3,
    'Remove one of the two, or make a list of them.',
  ],
  [
    'a: !vault |\n  xx',
    'unknown tag !vault',
    1,
    4,
    'Vault-encrypted values cannot be read: keep the secret in a file of its own and pass it with -e @file.',
  ],
  [
    'a: !!timestamp 2001-01-01',
    'unknown tag !!timestamp',
    1,
    16,
    'Remove the tag; put quotes around the value if it must stay text.',
  ],
  [
    'a: 1\n---\nb: 2',
    'the file holds several documents',
    2,
    1,
    'Remove the line "---" in the middle: one file is one document.',
  ],
  [
    'a: - b',
    'a list begins on the line of its key',
    1,
    4,
    'Put "- item" on a line of its own; quote a value that is a dash.',
  ],
  ['a: @x', 'a value cannot begin with @', 1, 4, 'Quote the value.'],
  ['a: %x', 'a value cannot begin with %', 1, 4, 'Quote the value.'],
  ['a: "x', 'a quote is never closed', 1, 6, 'Add the closing quote, or escape the quote that is text.'],
  [
    "a: 'it's'",
    'text after the closing quote',
    1,
    8,
    "Quote the whole value; a single quote inside single quotes is written twice ('').",
  ],
  [
    'a: "\\d"',
    'invalid escape sequence \\d',
    1,
    5,
    'Between double quotes a backslash begins an escape: write \\\\, or use single quotes.',
  ],
  [
    'a: 1\nb\nc: 2',
    'a line without a colon among "key: value" lines',
    2,
    1,
    'Write "key: value" (with a space after the colon).',
  ],
  [
    'a: *nope',
    'no anchor &nope before this reference',
    1,
    4,
    'Quote the value if text that begins with * was meant.',
  ],
  [
    '%YAML 1.1\n---\na: yes',
    'YAML 1.1 is asked for',
    1,
    1,
    'Remove the %YAML line: files are read as YAML 1.2.',
  ],
])('a frequent mistake is told with its place and the way out: %j', (text, message, line, column, hint) => {
  const error = failure(text);
  expect(error).toMatchObject({
    kind: 'validation',
    code: 'yaml-syntax',
    message: `invalid YAML: ${message}`,
  });
  expect(error.at).toEqual({ file: 'play.yml', line, column });
  expect(error.next).toEqual([hint]);
  expect(error.details.at(1) ?? error.details[0]).toBeDefined();
});

it('shows the line with a caret, and all mistakes of the file', () => {
  const error = failure('play:\n  a: {{ x }}\n  b: 1\n  b: 2\n');
  expect(error.details.join('\n')).toMatchInlineSnapshot(`
    "  1 | play:
    > 2 |   a: {{ x }}
        |      ^

    line 4: the key "b" is given twice in one map
      2 |   a: {{ x }}
      3 |   b: 1
    > 4 |   b: 2
        |   ^"
  `);
});

it.each([
  ['a: &x [*x]'],
  ['a: &x\n  b: *x'],
  [`${'['.repeat(20000)}`],
  [
    `a: &a [1]\n${Array.from({ length: 9 }, (_, i) => `${'bcdefghij'[i]}: &${'bcdefghij'[i]} [${`*${'abcdefghi'[i]},`.repeat(9)}]`).join('\n')}`,
  ],
])('a bomb is refused (%#)', (text) => {
  expect(failure(text).code).toBe('yaml-syntax');
});

it('__proto__ is a key like others', () => {
  const { value } = load('__proto__: {x: 1}\na: 2');
  expect(Object.keys(value as object)).toEqual(['__proto__', 'a']);
  expect(({} as Record<string, unknown>).x).toBeUndefined();
});

it('whatever is written as YAML comes back, with a place for each part', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 }),
      (value) => {
        const plain: unknown = JSON.parse(
          JSON.stringify(value, (_, v: unknown) =>
            typeof v === 'number' && !/^-?\d{1,15}(\.\d+)?$/.test(String(v)) ? 1 : v,
          ),
        );
        // The package writes this key bare, and then it is the one that merges.
        fc.pre(!JSON.stringify(plain).includes('"<<":'));
        for (const text of [stringify(plain), JSON.stringify(plain), dumpYaml(plain)]) {
          const doc = load(text);
          expect(doc.value).toEqual(plain);
          for (const key of Object.keys(plain as object)) {
            expect(doc.locate([key]).line).toBeLessThanOrEqual(text.split('\n').length);
            expect(part(doc, [key]).value).toEqual((plain as Record<string, unknown>)[key]);
          }
        }
      },
    ),
    { numRuns: 60 },
  );
});

it('any text is data or an error of ours', () => {
  const words = [
    'a',
    ':',
    ' ',
    '\n',
    '- ',
    '  ',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    '&x',
    '*x',
    '!t',
    '|',
    '>',
    '#',
    ',',
    '?',
    '%',
    '---',
    '\t',
    '{{ x }}',
    '<<',
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 20 }), (parts) => {
      try {
        const doc = load(parts.join(''));
        expect(() => JSON.stringify(doc.value)).not.toThrow();
      } catch (error) {
        expect(error).toBeInstanceOf(PitrError);
      }
    }),
    { numRuns: 600 },
  );
});

it('what is dumped for Patroni is read alike by YAML 1.1', () => {
  expect(dumpYaml({ a: 'yes', b: '2026-01-23', c: '12:30:00', d: 'off', e: true })).toBe(
    'a: "yes"\nb: "2026-01-23"\nc: "12:30:00"\nd: "off"\ne: true\n',
  );
});
