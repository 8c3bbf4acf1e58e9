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
}

/** Reads `date +%s.%N` and `date '+%z %Z'`, asked and answered at these milliseconds of the controller. */
export function readClock(seconds: string, zone: string, asked: number, answered: number): HostClock {
  const at = Number(seconds) * 1000;
  if (!Number.isFinite(at) || seconds === '') throw new Error(`the host's clock cannot be read: ${seconds}`);
  const [offset = '', name = ''] = zone.split(' ');
  return {
    aheadMs: Math.round(at - (asked + answered) / 2),
    withinMs: Math.ceil((answered - asked) / 2),
    offset,
    zone: name,
  };
}
