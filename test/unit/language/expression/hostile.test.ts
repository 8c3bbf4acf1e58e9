import fc from 'fast-check';
import { expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import { parseCondition } from '../../../../lib/language/expression/condition.ts';
import { evaluateExpression } from '../../../../lib/language/expression/evaluate.ts';

const words = [
  'a',
  'r',
  'r.x',
  'l[0]',
  '==',
  '!=',
  '<',
  '&&',
  '||',
  '!',
  '(',
  ')',
  '+',
  '-',
  '*',
  '/',
  '%',
  '1',
  '0',
  '1.5',
  '"x"',
  'true',
  'null',
  'in',
  '?',
  ':',
  '[',
  ']',
  '{',
  '}',
  ',',
  '.',
  'has(a)',
  'has(r.q)',
  'size(l)',
  'l.exists(v, v == 1)',
  'lsn("0/1")',
  'u',
  'u.x',
  'constructor',
  '__proto__',
  'toString',
  'missing',
  '\n',
];
const context = { a: 1, r: { x: 'y' }, l: [1, 'z', null], u: new Unknown('not run') };

function onlyOwnErrors(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(PitrError);
  }
}

it('random words give a value or an error of ours, never another', () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...words), { maxLength: 9 }), (parts) => {
      const text = parts.join(' ');
      onlyOwnErrors(() => {
        const value = parseCondition(text, { file: 'f', line: 1, column: 1 }).evaluate(context);
        expect(value instanceof Unknown || typeof value === 'boolean').toBe(true);
      });
      onlyOwnErrors(() => evaluateExpression(text, context));
    }),
    { numRuns: 600 },
  );
});

it('random text gives a value or an error of ours, never another', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      onlyOwnErrors(() => parseCondition(text).evaluate(context));
    }),
    { numRuns: 500 },
  );
});

it('values are data, whatever they hold', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, text) => {
      expect(parseCondition('a == b').evaluate({ a: text, b: text })).toBe(true);
      onlyOwnErrors(() => parseCondition('v == w || size(v) == 0').evaluate({ v: value, w: text }));
    }),
  );
});

it.each([
  '('.repeat(5000),
  `${'a.'.repeat(5000)}b`,
  `${'!'.repeat(5000)}a`,
  `${'a || '.repeat(5000)}a`,
  `[${'1,'.repeat(5000)}1] == a`,
])('what is too large is refused (%#)', (text) => {
  onlyOwnErrors(() => parseCondition(text).evaluate(context));
});
