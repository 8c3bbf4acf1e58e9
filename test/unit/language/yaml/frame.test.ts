import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { frameOf, sourceFrame } from '../../../../lib/language/yaml/frame.ts';
import { lineAndColumn, positionInText } from '../../../../lib/language/yaml/position.ts';

it('shows the lines before a place and a caret under it', () => {
  const text = ['hosts: db', 'tasks:', '  - name: x', '    when: a and b', ''].join('\n');
  expect(sourceFrame(text, { line: 4, column: 13 }).join('\n')).toMatchInlineSnapshot(`
    "  2 | tasks:
      3 |   - name: x
    > 4 |     when: a and b
        |             ^"
  `);
});

it('keeps the caret under the place on long lines and after tabs', () => {
  const line = `\tkey: ${'x'.repeat(200)}HERE${'y'.repeat(200)}`;
  const [shown = '', caret = ''] = sourceFrame(line, { line: 1, column: line.indexOf('HERE') + 1 });
  expect(shown.slice(caret.indexOf('^'), caret.indexOf('^') + 4)).toBe('HERE');
  expect(shown.length).toBeLessThan(120);
});

it('lets nothing through that moves a cursor', () => {
  expect(sourceFrame('a\u001b[31mb\u202e', { line: 1, column: 1 })[0]).toBe('> 1 | a\ufffd[31mb\ufffd');
});

it('is empty where there is no such line or file', () => {
  expect(sourceFrame('a', { line: 9, column: 1 })).toEqual([]);
  expect(frameOf({ file: '/nowhere/at/all.yml', line: 1, column: 1 })).toEqual([]);
});

it('an offset and its line and column are the same place', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('a', 'b', '\n') }), fc.nat(30), (text, n) => {
      const offset = Math.min(n, text.length);
      const { line, column } = lineAndColumn(text, offset);
      const lines = text.split('\n');
      expect(lines.slice(0, line - 1).reduce((sum, l) => sum + l.length + 1, 0) + column - 1).toBe(offset);
    }),
  );
  expect(positionInText({ file: 'f', line: 3, column: 5 }, 2, 4)).toEqual({ file: 'f', line: 4, column: 8 });
});

describe('a frame with a secret near by', () => {
  it('masks its value, also over several lines', () => {
    const text = [
      'db_password: hunter2',
      'user: { name: a, api_token: "t o", port: 1 }',
      'private_key: |',
      '  MC4CAQAw',
      'port: x',
    ].join('\n');
    const all = [3, 5].flatMap((line) => sourceFrame(text, { line, column: 1 })).join('\n');
    expect(all).not.toMatch(/hunter2|t o|MC4C/);
    expect(all).toContain('db_password: ********');
    expect(all).toContain('user: { name: a, api_token: ********, port: 1 }');
    expect(all).toContain('> 5 | port: x');
  });
});
