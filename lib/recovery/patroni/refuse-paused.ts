import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { quote } from '../../transport/quote.ts';
import { postgresResource } from '../postgres/instance-resource.ts';
import { readCluster } from './cluster-resource.ts';
import { accessOf } from './member-control.ts';
import type { MemberChange } from './member-plan.ts';
import { SILENCE } from './rest.ts';

/**
 * Refuses to start a member again (kind `refused`, `cluster-paused`) where the cluster is in pause: Patroni would come up
 * and start no PostgreSQL. One that is up already goes on, unless a change that is taken back before stops it
 * (`runsOn`). Where nobody tells of a pause the start itself shows it.
 */
export async function refusePaused(
  host: ReadHost,
  change: MemberChange,
  { runsOn }: { readonly runsOn: boolean } = { runsOn: true },
): Promise<void> {
  if (!change.ranBefore || !(await isPaused(host, change))) return;
  const { running, mode } = await postgresResource.read(host, change.pgdata);
  if (runsOn && running && mode !== 'isolated') return;
  const { config } = accessOf(change);
  throw new PitrError({
    kind: 'refused',
    code: 'cluster-paused',
    message: `the cluster is in pause (maintenance mode): Patroni would come up on ${host.name} and start no PostgreSQL`,
    host: host.name,
    next: [
      `End the pause, on ${host.name} for one: patronictl -c ${quote(config)} resume`,
      // `resume` asks a member's Patroni to write it.
      `Where no Patroni is up, tell the DCS itself: patronictl -c ${quote(config)} edit-config --force --set pause=null`,
      'Then start the same undo again.',
    ],
  });
}

async function isPaused(host: ReadHost, change: MemberChange): Promise<boolean> {
  try {
    const { paused } = await readCluster(host, { ...accessOf(change), ...change.replicaOf });
    return paused === true;
  } catch (thrown) {
    if (thrown instanceof PitrError && SILENCE.some((code) => code === thrown.code)) return false;
    throw thrown;
  }
}
