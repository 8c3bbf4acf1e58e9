import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instantAt } from '../../../../lib/recovery/wal/instant.ts';
import { parseInstant } from '../../../../lib/recovery/wal/parse-instant.ts';
import { instantInZone } from '../../../../lib/recovery/wal/zones.ts';

function inZone(text: string, zone: string): string | undefined {
  const parsed = parseInstant(text);
  return parsed.ok ? instantInZone(parsed.instant, zone) : parsed.problem.message;
}

describe('a moment as clocks of a zone show it', () => {
  it.each([
    ['2026-11-22 09:34:43.075605+00', 'UTC', '2026-11-22 09:34:43.075605+00'],
    ['2026-11-22 09:34:43.075605+00', 'Asia/Kolkata', '2026-11-22 15:04:43.075605+05:30'],
    ['2026-11-22 23:30:00+00', 'Europe/Berlin', '2026-11-23 00:30:00+01'],
    ['2026-07-22 23:30:00+00', 'Europe/Berlin', '2026-07-23 01:30:00+02'],
    ['2026-11-01 05:30:00+00', 'America/New_York', '2026-11-01 01:30:00-04'],
    ['2026-11-01 06:30:00+00', 'America/New_York', '2026-11-01 01:30:00-05'],
    ['2026-11-22 09:34:43+00', 'Mars/Olympus', undefined],
  ])('%s in %s: %s', (text, zone, expected) => {
    expect(inZone(text, zone)).toBe(expected);
  });

  it('is read again as the same moment', () => {
    const zones = fc.constantFrom(
      'UTC',
      'Asia/Kolkata',
      'America/New_York',
      'Australia/Lord_Howe',
      'Pacific/Apia',
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 4_000_000_000_000_000n }), zones, (micros, zone) => {
        const parsed = parseInstant(instantInZone(instantAt(micros), zone) ?? '');
        expect(parsed.ok && parsed.instant).toBe(micros);
      }),
    );
  });
});
