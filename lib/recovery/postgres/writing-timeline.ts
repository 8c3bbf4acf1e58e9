import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost } from '../../contract/host.ts';
import type { InstanceState } from './instance.ts';
import { querySql, type SessionParams, sessionTarget } from './sql.ts';

/**
 * The timeline of data. That of a primary which runs is asked: its control file names the old one until the checkpoint after
 * a promotion, which a controller that was killed meanwhile did not wait for.
 */
export async function writingTimeline(
  host: ReadHost,
  instance: InstanceState | Unknown,
  p: SessionParams,
): Promise<number | undefined> {
  // What check mode foresees has no control file.
  if (instance instanceof Unknown || instance.control === undefined) return undefined;
  if (!instance.running || instance.role !== 'primary') return instance.control.timeline;
  const segment = await querySql(host, sessionTarget(p, instance.programs), [
    'select pg_walfile_name(pg_current_wal_lsn())',
  ]);
  return Number.parseInt(segment.slice(0, 8), 16);
}
