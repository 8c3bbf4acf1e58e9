import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import type { RunResult } from '../../transport/types.ts';
import { type Instant, parseEpoch } from '../wal/instant.ts';

/** The time on a host, to the second: not every `date` knows fractions (busybox). Throws as `knownTime` does. */
export async function timeOn(host: ReadHost): Promise<Instant> {
  return knownTime(await host.query(probe(['date', '-u', '+%s'])), host.name);
}

/** Throws kind `refused` where `date +%s` has told none: what a retention policy deletes depends on it. */
export function knownTime({ stdout, stderr }: Pick<RunResult, 'stdout' | 'stderr'>, host: string): Instant {
  const time = parseEpoch(stdout);
  if (time !== undefined) return time;
  const [said = ''] = `${stderr}\n${stdout}`.trim().split('\n');
  throw new PitrError({
    kind: 'refused',
    code: 'host-time-unknown',
    message:
      'the time on the host is not known, and what Barman deletes, and which moments have passed, depends on it',
    details: said === '' ? [] : [`date -u +%s says: ${said}`],
    host,
    next: [
      `See what it says on ${host}: date -u +%s. It must be the seconds since 1970, and nothing around them.`,
    ],
  });
}
