import type { Told } from './answer.ts';

/** A host's clock beside the controller's. */
export interface HostClock {
  /** Milliseconds that the host is ahead of the controller; negative where it is behind. */
  readonly aheadMs: number;
  /** It is known to within so many milliseconds: half of the round trip. */
  readonly withinMs: number;
  /** `+0100` */
  readonly offset: string;
  /** `CET` */
  readonly zone: string;
  /** The offsets of January and of July; absent where the host's `date` tells them for today alone. */
  readonly year?: { readonly january: string; readonly july: string };
}

/**
 * Epoch milliseconds by the clock of a host, at the time (of the controller) `now`: ages of what was written there are told by
 * it, whatever the controller's clock says. Where the look tells of no clock, the controller's has to do.
 */
export function timeBy(now: number, look: Told<{ readonly clock: HostClock }>): number {
  return 'value' in look ? now + look.value.clock.aheadMs : now;
}

/** For sh: the lines `@clock` and `@zone` of a report. */
export const TELL_CLOCK = `
echo "@clock $(date +%s.%N)"
year=$(date +%Y)
echo "@zone $(date '+%z %Z') $(date -d "$year-01-15 12:00" +%z 2>/dev/null) $(date -d "$year-07-15 12:00" +%z 2>/dev/null)"`;

/** Reads the two lines of `TELL_CLOCK`, asked and answered at these milliseconds of the controller. */
export function readClock(seconds: string, zone: string, asked: number, answered: number): HostClock {
  const at = Number(seconds) * 1000;
  if (!Number.isFinite(at) || seconds === '') throw new Error(`the host's clock cannot be read: ${seconds}`);
  const [offset = '', name = '', january = '', july = ''] = zone.split(' ');
  return {
    aheadMs: Math.round(at - (asked + answered) / 2),
    withinMs: Math.ceil((answered - asked) / 2),
    offset,
    zone: name,
    ...(january === '' || july === '' ? {} : { year: { january, july } }),
  };
}
