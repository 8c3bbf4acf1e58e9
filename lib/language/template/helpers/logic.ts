import { isDeepStrictEqual } from 'node:util';
import { spelledBoolean } from '../../../base/values/yes.ts';
import { type Helper, HelperFailure, kindOf, truthy } from '../helper.ts';

function compare(a: unknown, b: unknown): number {
  const comparable =
    (typeof a === 'number' && typeof b === 'number') || (typeof a === 'string' && typeof b === 'string');
  if (!comparable)
    throw new HelperFailure(`two numbers or two texts can be compared, not ${kindOf(a)} with ${kindOf(b)}`);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The text `yes` is not true: what was meant cannot be told. */
function equal(a: unknown, b: unknown): boolean {
  const [text, other] = typeof a === 'string' ? [a, b] : [b, a];
  if (typeof text === 'string' && typeof other === 'boolean' && spelledBoolean(text) === other)
    throw new HelperFailure(
      `a text that says ${other} is compared with ${other}; where it is set, write ${other} without quotes`,
    );
  return isDeepStrictEqual(a, b);
}

/** Of `and` and `or`, when none of the others has decided. */
const last = (args: readonly unknown[]): unknown => args.at(-1);

export const LOGIC_HELPERS: readonly Helper[] = [
  {
    name: 'eq',
    summary: 'Whether two values are equal. Types count: the text "1" is not the number 1.',
    usage: '(eq a b)',
    example: {
      template: '{{#if (eq mode "isolated")}}yes{{else}}no{{/if}}',
      context: { mode: 'isolated' },
      gives: 'yes',
    },
    min: 2,
    max: 2,
    run: ([a, b]) => equal(a, b),
  },
  {
    name: 'ne',
    summary: 'Whether two values differ.',
    usage: '(ne a b)',
    example: { template: '{{ne 1 2}}', gives: true },
    min: 2,
    max: 2,
    run: ([a, b]) => !equal(a, b),
  },
  {
    name: 'lt',
    summary: 'Whether the first number (or text) is smaller than the second.',
    usage: '(lt a b)',
    example: { template: '{{lt 1 2}}', gives: true },
    min: 2,
    max: 2,
    run: ([a, b]) => compare(a, b) < 0,
  },
  {
    name: 'lte',
    summary: 'Whether the first number (or text) is smaller than the second or equal.',
    usage: '(lte a b)',
    example: { template: '{{lte 2 2}}', gives: true },
    min: 2,
    max: 2,
    run: ([a, b]) => compare(a, b) <= 0,
  },
  {
    name: 'gt',
    summary: 'Whether the first number (or text) is greater than the second.',
    usage: '(gt a b)',
    example: { template: '{{gt version 14}}', context: { version: 15 }, gives: true },
    min: 2,
    max: 2,
    run: ([a, b]) => compare(a, b) > 0,
  },
  {
    name: 'gte',
    summary: 'Whether the first number (or text) is greater than the second or equal.',
    usage: '(gte a b)',
    example: { template: '{{gte 1 2}}', gives: false },
    min: 2,
    max: 2,
    run: ([a, b]) => compare(a, b) >= 0,
  },
  {
    name: 'and',
    summary: 'The first value that does not hold, else the last; later ones are not looked at.',
    usage: '(and a b ...)',
    example: { template: '{{#if (and a b)}}both{{/if}}', context: { a: true, b: 1 }, gives: 'both' },
    min: 2,
    max: 99,
    opens: 'none',
    run: last,
  },
  {
    name: 'or',
    summary: 'The first value that holds, else the last; later ones are not looked at.',
    usage: '(or a b ...)',
    example: { template: '{{or a b}}', context: { a: '', b: 'x' }, gives: 'x' },
    min: 2,
    max: 99,
    opens: 'none',
    run: last,
  },
  {
    name: 'not',
    summary: 'Whether a value does not hold (missing, null, false, 0, empty text, empty list).',
    usage: '(not a)',
    example: { template: '{{not a}}', context: { a: [] }, gives: true },
    min: 1,
    max: 1,
    opens: 'shallow',
    run: ([a]) => !truthy(a),
  },
  {
    name: 'ternary',
    summary: 'The second value when the first holds, else the third.',
    usage: '(ternary test a b)',
    example: {
      template: '{{ternary paused "pause" "promote"}}',
      context: { paused: false },
      gives: 'promote',
    },
    min: 3,
    max: 3,
    opens: 'none',
    run: ([test, a, b]) => (truthy(test) ? a : b),
  },
  {
    name: 'default',
    summary: 'The first value that is neither missing nor null. An empty text, 0 and false are values.',
    usage: '(default a ... fallback)',
    example: { template: '{{default port 5432}}', gives: 5432 },
    min: 2,
    max: 99,
    opens: 'none',
    run: (args) => args.find((arg) => arg !== undefined && arg !== null) ?? args.at(-1),
  },
];
