declare const brand: unique symbol;

/**
 * A moment, in microseconds since 1970-01-01 00:00:00 UTC: exactly what PostgreSQL keeps. Compare with `<`.
 * JavaScript's own Date stops at milliseconds and never holds one of these.
 */
export type Instant = bigint & { readonly [brand]: 'Instant' };

export const SECOND = 1_000_000n;

/** Microseconds since the epoch as a moment. */
export function instantAt(microseconds: bigint): Instant {
  return microseconds as Instant;
}

/** Microseconds from 1970 to 2000, from where on PostgreSQL counts. */
const POSTGRES_EPOCH = 946_684_800n * SECOND;

/** A time as PostgreSQL keeps it: microseconds since 2000. */
export function instantOfPostgres(microseconds: bigint): Instant {
  return instantAt(microseconds + POSTGRES_EPOCH);
}

/** Reads epoch seconds with any fraction (`1795340076.0756051`); what is below a microsecond is cut off. */
export function parseEpoch(text: string): Instant | undefined {
  const match = /^(\d{1,12})(?:\.(\d+))?$/.exec(text.trim());
  if (match === null) return undefined;
  const fraction = (match[2] ?? '').slice(0, 6).padEnd(6, '0');
  return instantAt(BigInt(match[1] ?? 0) * SECOND + BigInt(fraction));
}

/** Epoch seconds with six digits of fraction, as `parseEpoch` reads them. */
export function formatEpoch(instant: Instant): string {
  return `${instant / SECOND}.${(instant % SECOND).toString().padStart(6, '0')}`;
}

/** Seconds from one moment to a later one; microseconds become the fraction. */
export function secondsBetween(earlier: Instant, later: Instant): number {
  return Number(later - earlier) / 1e6;
}

export function earliest(one: Instant, other: Instant): Instant {
  return one < other ? one : other;
}

/**
 * In UTC with its offset spelled, as every version of PostgreSQL and Barman reads it: `2026-11-22 09:34:43.075605+00`.
 * The fraction is left out when it is zero.
 */
export function formatInstant(instant: Instant): string {
  const micros = ((instant % SECOND) + SECOND) % SECOND;
  const seconds = (instant - micros) / SECOND;
  const text = new Date(Number(seconds) * 1000).toISOString();
  const fraction = micros === 0n ? '' : `.${micros.toString().padStart(6, '0')}`;
  return `${text.slice(0, 10)} ${text.slice(11, 19)}${fraction}+00`;
}
