import { formatInstant, type Instant, instantAt } from './instant.ts';

/**
 * A moment as clocks of a zone show it, with the offset there and then: `2026-11-22 15:04:43.5+05:30`. Exact to the
 * microsecond. Nothing when the zone is not known here (PostgreSQL knows some that JavaScript does not).
 */
export function instantInZone(instant: Instant, zone: string): string | undefined {
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', { timeZone: zone, timeZoneName: 'longOffset' });
  } catch {
    // RangeError is how Intl says that it does not know a zone.
    return undefined;
  }
  const ms = Number(instant / 1000n);
  const name = format.formatToParts(new Date(ms)).find(({ type }) => type === 'timeZoneName')?.value ?? 'GMT';
  const [, sign = '+', hours = '00', minutes = '00', seconds = '00'] =
    /^GMT([+-])(\d{2}):(\d{2})(?::(\d{2}))?$/.exec(name) ?? [];
  const ahead = BigInt(
    (sign === '-' ? -1 : 1) * (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)),
  );
  const shown = formatInstant(instantAt(instant + ahead * 1_000_000n)).replace(/\+00$/, '');
  return `${shown}${sign}${hours}${minutes === '00' ? '' : `:${minutes}`}`;
}
