import { z } from 'zod';

const UNITS_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
};

/** Milliseconds from `30` (seconds), `30 s`, `5 min`, `1.5h`; nothing when it is not a duration. */
export function parseDuration(text: string | number): number | undefined {
  if (typeof text === 'number') return text >= 0 && Number.isFinite(text) ? text * 1000 : undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim());
  const unit = match === null ? undefined : UNITS_MS[match[2] === '' ? 's' : (match[2] ?? '')];
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit;
}

/** A duration param: seconds as a number, or with its unit. Read it with `milliseconds`. */
export const durationParam = z
  .union([z.number().nonnegative(), z.string()])
  .refine(
    (value) => parseDuration(value) !== undefined,
    'expected seconds, or a duration such as "30 s" or "5 min"',
  );

/** The milliseconds of a duration that its schema has accepted. */
export function milliseconds(value: string | number): number {
  const ms = parseDuration(value);
  if (ms === undefined) throw new Error(`"${value}" is not a duration`);
  return ms;
}

/** `450 ms`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 === 0 ? `${minutes} min` : `${minutes} min ${seconds % 60} s`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
