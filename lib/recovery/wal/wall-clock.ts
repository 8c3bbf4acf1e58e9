import { type Instant, instantAt } from './instant.ts';

/** Date and time of day as written, without a zone. */
export interface WallClock {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  readonly microsecond: number;
}

/** What a clock that shows UTC means; nothing when there is no such date or time (30 February, 25:00). */
export function utcInstant(clock: WallClock): Instant | undefined {
  const { year, month, day, hour, minute, second } = clock;
  const ms = Date.UTC(year, month - 1, day, hour, minute, second);
  const back = new Date(ms);
  const exists =
    year >= 1000 &&
    back.getUTCFullYear() === year &&
    back.getUTCMonth() === month - 1 &&
    back.getUTCDate() === day &&
    back.getUTCHours() === hour &&
    back.getUTCMinutes() === minute &&
    back.getUTCSeconds() === second;
  return exists ? instantAt(BigInt(ms) * 1000n + BigInt(clock.microsecond)) : undefined;
}

const DAY_MS = 86_400_000;

/**
 * The moments at which clocks in a zone show this: one as a rule, two in the hour that daylight saving repeats, none
 * in the hour that it skips. Nothing when the zone is not known here.
 */
export function instantsInZone(clock: WallClock, zone: string): readonly Instant[] | undefined {
  const asUtc = utcInstant(clock);
  if (asUtc === undefined) return [];
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  } catch {
    // RangeError is how Intl says that it does not know a zone.
    return undefined;
  }
  const ms = Number(asUtc / 1000n);
  const offsets = new Set([-DAY_MS, 0, DAY_MS].map((shift) => offsetMs(format, ms + shift)));
  return [...offsets]
    .filter((offset) => offsetMs(format, ms - offset) === offset)
    .map((offset) => instantAt(asUtc - BigInt(offset) * 1000n))
    .sort((a, b) => (a < b ? -1 : 1));
}

/** How far clocks of the zone are ahead of UTC at a moment. */
function offsetMs(format: Intl.DateTimeFormat, ms: number): number {
  const whole = Math.floor(ms / 1000) * 1000;
  const parts = Object.fromEntries(
    format.formatToParts(new Date(whole)).map((part) => [part.type, Number(part.value)]),
  );
  const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - whole;
}
