import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatInstant, instantAt, parseEpoch } from '../../../../lib/recovery/wal/instant.ts';
import { parseInstant } from '../../../../lib/recovery/wal/parse-instant.ts';
import { checkedTarget, targetTimeSchema } from '../../../../lib/recovery/wal/target.ts';

function utc(text: string): string {
  const parsed = parseInstant(text);
  return parsed.ok ? formatInstant(parsed.instant) : parsed.problem.reason;
}

describe('a moment with its offset', () => {
  it.each([
    ['2026-11-22 09:34:43+00', '2026-11-22 09:34:43+00'],
    ['2026-11-22 09:34:43.075605+00', '2026-11-22 09:34:43.075605+00'],
    ['2026-11-22 09:34:43.5Z', '2026-11-22 09:34:43.500000+00'],
    ['2026-11-22T09:34:43Z', '2026-11-22 09:34:43+00'],
    ['2026-11-22T09:34:43.075605+05:30', '2026-11-22 04:04:43.075605+00'],
    ['2026-11-22 09:34:43 -0800', '2026-11-22 17:34:43+00'],
    ['2026-11-22 09:34:43 UTC', '2026-11-22 09:34:43+00'],
    ['2026-11-22 09:34+01', '2026-11-22 08:34:00+00'],
    ['  2026-11-22 09:34:43+00:00  ', '2026-11-22 09:34:43+00'],
    ['2024-02-29 23:59:59.999999-00:30', '2024-03-01 00:29:59.999999+00'],
    ['2026-11-22 09:34:43.0756050000+00', '2026-11-22 09:34:43.075605+00'],
  ])('%s is %s', (text, expected) => {
    expect(utc(text)).toBe(expected);
  });

  it('keeps every microsecond when written and read again', () => {
    const micros = fc.bigInt({ min: -30_000_000_000_000_000n, max: 250_000_000_000_000_000n });
    fc.assert(
      fc.property(micros, (value) => {
        expect(parseInstant(formatInstant(instantAt(value)))).toEqual({ ok: true, instant: value });
      }),
    );
  });

  it('epoch seconds keep their microseconds', () => {
    expect(parseEpoch('1795340076.0756051')).toBe(1_795_340_076_075_605n);
    expect(parseEpoch('1795340076')).toBe(1_795_340_076_000_000n);
    expect(parseEpoch('17953400xx')).toBeUndefined();
  });
});

describe('a time that does not say which moment it is', () => {
  it('without a zone is refused, with what it would be here and in UTC', () => {
    const parsed = parseInstant('2026-07-22 09:34:43', 'Europe/Berlin');
    expect(parsed).toMatchInlineSnapshot(`
      {
        "ok": false,
        "problem": {
          "code": "time-without-zone",
          "details": [
            "in UTC it would be 2026-07-22 09:34:43+00",
            "in Europe/Berlin it would be 2026-07-22 07:34:43+00",
          ],
          "message": ""2026-07-22 09:34:43" does not say in which time zone",
          "next": [
            "Say which one is meant: 2026-07-22 09:34:43+00 if UTC is",
            "Write it with an offset: 2026-11-22 09:34:43+00, 2026-11-22T09:34:43Z, 2026-11-22 15:04:43+05:30",
          ],
          "reason": "does not say in which time zone",
        },
      }
    `);
  });

  it('in the hour that daylight saving repeats is shown as the two moments it could be', () => {
    const parsed = parseInstant('2026-10-25 02:30:00', 'Europe/Berlin');
    expect(parsed.ok ? [] : parsed.problem.details.slice(1)).toEqual([
      'in Europe/Berlin it would be 2026-10-25 00:30:00+00 (clocks were set back: that hour came twice)',
      'in Europe/Berlin it would be 2026-10-25 01:30:00+00 (clocks were set back: that hour came twice)',
    ]);
  });

  it('in the hour that daylight saving skips is no moment there', () => {
    const parsed = parseInstant('2026-03-29 02:30:00 Europe/Berlin');
    expect(parsed.ok ? [] : parsed.problem.details).toEqual([
      'in Europe/Berlin clocks skipped that hour: there is no such moment',
    ]);
  });

  it.each([
    ['2026-11-22 09:34:43 EST', 'time-zone-ambiguous'],
    ['2026-11-22 09:34:43 IST', 'time-zone-ambiguous'],
    ['2026-11-22 09:34:43 Europe/Berlin', 'time-zone-ambiguous'],
    ['2026-11-22 09:34:43 UTC+2', 'time-zone-ambiguous'],
    ['2026-11-22', 'time-unparsable'],
    ['12:30', 'time-unparsable'],
    ['yesterday', 'time-unparsable'],
    ['', 'time-unparsable'],
    ['22.11.2026 09:34:43+00', 'time-unparsable'],
    ['2026-02-30 09:34:43+00', 'time-unparsable'],
    ['2026-11-22 25:00:00+00', 'time-unparsable'],
    ['2026-11-22 09:34:43.1234567+00', 'time-unparsable'],
    ['2026-11-22 09:34:43+99', 'time-unparsable'],
    ['2026-11-22 09:34:43 00', 'time-unparsable'],
    ["2026-11-22 09:34:43+00'; drop table x", 'time-unparsable'],
    ['2026-11-22 09:34:43+00\n', 'ok'],
  ])('%j: %s', (text, code) => {
    const parsed = parseInstant(text);
    expect(parsed.ok ? 'ok' : parsed.problem.code).toBe(code);
  });

  it('any text is read or refused, and never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseInstant(text)));
  });
});

describe('a target', () => {
  it('is latest or a moment', () => {
    expect(checkedTarget('latest')).toEqual({ kind: 'latest' });
    expect(checkedTarget('2026-11-22 09:34:43Z')).toEqual({ kind: 'time', time: 1_795_340_083_000_000n });
  });

  it('that is neither fails the schema with its code and the way out', () => {
    const result = targetTimeSchema.safeParse('2026-11-22 09:34:43');
    expect(result.error?.issues[0]).toMatchObject({
      code: 'custom',
      message: 'does not say in which time zone',
      params: { code: 'time-without-zone', next: [expect.stringContaining('+00'), expect.anything()] },
    });
  });
});
