import { formatInstant, type Instant, instantAt } from '../../../recovery/wal/instant.ts';
import { parseInstant } from '../../../recovery/wal/parse-instant.ts';
import { type Helper, HelperFailure, kindOf, numberOf } from '../helper.ts';

function isoUtc(instant: Instant): string {
  return formatInstant(instant).replace(' ', 'T').replace(/\+00$/, 'Z');
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `1.5 GiB`: three digits at most, powers of 1024. */
function humanBytes(bytes: number): string {
  let value = Math.abs(bytes);
  let unit = 0;
  while (value >= 1023.5 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${bytes < 0 ? '-' : ''}${value.toFixed(digits).replace(/\.0$/, '')} ${UNITS[unit]}`;
}

function arithmetic(name: string, sign: string, of: (a: number, b: number) => number): Helper {
  return {
    name,
    summary: `Two numbers: a ${sign} b.`,
    usage: `(${name} a b)`,
    example: { template: `{{${name} 6 3}}`, gives: of(6, 3) },
    min: 2,
    max: 2,
    run: ([a, b]) => {
      const result = of(numberOf(a, 'the first argument'), numberOf(b, 'the second argument'));
      if (!Number.isFinite(result)) throw new HelperFailure('the result is not a number');
      return result;
    },
  };
}

export const NUMBER_HELPERS: readonly Helper[] = [
  arithmetic('add', '+', (a, b) => a + b),
  arithmetic('subtract', '-', (a, b) => a - b),
  arithmetic('multiply', '*', (a, b) => a * b),
  arithmetic('divide', '/', (a, b) => a / b),
  {
    name: 'number',
    summary: 'A text of digits as a number.',
    usage: '(number text)',
    example: { template: '{{number "5431"}}', gives: 5431 },
    min: 1,
    max: 1,
    run: ([value]) => numberOf(value, 'the argument'),
  },
  {
    name: 'bytes',
    summary: 'A size in bytes as a person reads it.',
    usage: '(bytes size)',
    example: { template: '{{bytes 1610612736}}', gives: '1.5 GiB' },
    min: 1,
    max: 1,
    run: ([size]) => humanBytes(numberOf(size, 'the size')),
  },
  {
    name: 'isodate',
    summary: 'A moment (with its zone, or in milliseconds since 1970) in UTC, as ISO 8601.',
    usage: '(isodate moment)',
    example: { template: '{{isodate "2026-01-23 12:30:00.5+01"}}', gives: '2026-01-23T11:30:00.500000Z' },
    min: 1,
    max: 1,
    run: ([moment]) => {
      if (typeof moment === 'number' && Math.abs(moment) <= 8.64e15)
        return isoUtc(instantAt(BigInt(Math.round(moment)) * 1000n));
      if (typeof moment !== 'string')
        throw new HelperFailure(`a moment is text or a number, not ${kindOf(moment)}`);
      const parsed = parseInstant(moment);
      if (!parsed.ok) throw new HelperFailure(parsed.problem.message);
      return isoUtc(parsed.instant);
    },
  },
];
