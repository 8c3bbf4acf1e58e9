import { formatInstant, type Instant, instantAt } from './instant.ts';
import { instantsInZone, utcInstant, type WallClock } from './wall-clock.ts';

/** Why a text is no moment, and how to write the one that was meant. */
export interface InstantProblem {
  readonly code: 'time-without-zone' | 'time-zone-ambiguous' | 'time-unparsable';
  /** What is wrong, with the text itself. */
  readonly message: string;
  /** What is wrong with it, as the rest of a sentence about it: `does not say in which time zone`. */
  readonly reason: string;
  /** What it would be in one zone or another. */
  readonly details: readonly string[];
  readonly next: readonly string[];
}

export type ParsedInstant =
  | { readonly ok: true; readonly instant: Instant }
  | { readonly ok: false; readonly problem: InstantProblem };

const CLOCK = /^(\d{4})-(\d{2})-(\d{2})[Tt ]+(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d+))?)?\s*(.*)$/;
const OFFSET = /^([+-])(\d{1,2})(?::?(\d{2}))?$/;
const HOW =
  'Write it with an offset: 2026-11-22 09:34:43+00, 2026-11-22T09:34:43Z, 2026-11-22 15:04:43+05:30';

/**
 * Reads a moment with an explicit offset (`+00`, `Z`, `UTC`, `+05:30`, `-0800`), exact to the microsecond.
 *
 * A time without a zone, or with a name or abbreviation for one, is a problem and never a guess: names mean different
 * offsets to different readers and on different days. `localZone` is used in the explanation alone.
 */
export function parseInstant(text: string, localZone: string = ownZone()): ParsedInstant {
  const typed = text.trim();
  const read = readInstant(typed, localZone);
  if (typeof read === 'bigint') return { ok: true, instant: read };
  return { ok: false, problem: { ...read, message: `"${typed}" ${read.reason}` } };
}

type Problem = Omit<InstantProblem, 'message'>;

function readInstant(typed: string, localZone: string): Instant | Problem {
  const match = CLOCK.exec(typed);
  if (match === null) return unparsable('is not a date and a time of day');
  const fraction = (match[7] ?? '').replace(/0+$/, '');
  if (fraction.length > 6) return unparsable('is finer than the microsecond that PostgreSQL keeps');
  const clock: WallClock = {
    year: Number(match[1]),
    month: Number(match[2]),
    day: Number(match[3]),
    hour: Number(match[4]),
    minute: Number(match[5]),
    second: Number(match[6] ?? 0),
    microsecond: Number(fraction.padEnd(6, '0')),
  };
  const asUtc = utcInstant(clock);
  if (asUtc === undefined) return unparsable('does not exist in the calendar or on the clock');
  const zone = match[8] ?? '';
  if (zone === '') return withoutZone(clock, localZone);
  if (/^(z|utc)$/i.test(zone)) return asUtc;
  const offset = OFFSET.exec(zone);
  if (offset === null)
    return /^[a-z]/i.test(zone) ? named(zone, clock) : unparsable(`ends in "${zone}", which is no offset`);
  const minutes = Number(offset[2]) * 60 + Number(offset[3] ?? 0);
  if (Number(offset[3] ?? 0) > 59 || minutes >= 16 * 60)
    return unparsable(`ends in "${zone}", an offset that no place has`);
  const ahead = BigInt(offset[1] === '-' ? -minutes : minutes) * 60_000_000n;
  return instantAt(asUtc - ahead);
}

function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

function unparsable(why: string): Problem {
  return {
    // The text is no moment in time.
    code: 'time-unparsable',
    reason: why,
    details: [],
    next: [`${HOW}; or: latest`],
  };
}

function withoutZone(clock: WallClock, localZone: string): Problem {
  const utc = utcInstant(clock);
  const details = utc === undefined ? [] : [`in UTC it would be ${formatInstant(utc)}`];
  if (!/^(Etc\/)?UTC$/.test(localZone)) details.push(...readings(clock, localZone));
  return {
    // A moment without a time zone could be several moments.
    code: 'time-without-zone',
    reason: 'does not say in which time zone',
    details,
    next: [`Say which one is meant: ${utc === undefined ? HOW : `${formatInstant(utc)} if UTC is`}`, HOW],
  };
}

function named(zone: string, clock: WallClock): Problem {
  const posix = /^[a-z]+[+-]/i.test(zone);
  return {
    // The name of that time zone does not stand for one offset.
    code: 'time-zone-ambiguous',
    reason: posix
      ? `names its zone as "${zone}", whose sign PostgreSQL and people read in opposite ways`
      : `names its zone as "${zone}", which does not stand for one offset`,
    details: posix ? [] : readings(clock, zone),
    next: [HOW],
  };
}

function readings(clock: WallClock, zone: string): string[] {
  const instants = instantsInZone(clock, zone);
  if (instants === undefined) return [`"${zone}" is not a zone that is known here`];
  if (instants.length === 0) return [`in ${zone} clocks skipped that hour: there is no such moment`];
  const note = instants.length > 1 ? ' (clocks were set back: that hour came twice)' : '';
  return instants.map((instant) => `in ${zone} it would be ${formatInstant(instant)}${note}`);
}
