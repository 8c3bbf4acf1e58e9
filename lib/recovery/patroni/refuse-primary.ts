import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { quote } from '../../transport/quote.ts';
import { postgresResource } from '../postgres/instance-resource.ts';
import { accessOf } from './member-control.ts';
import type { MemberChange } from './member-plan.ts';

/**
 * Refuses to take a start of the member back (kind `refused`, `undo-stops-primary`) where its PostgreSQL may have become
 * the cluster's primary since, by a failover that no journal tells of: it holds what clients have written, and the data
 * that an undo gives back does not. One that is isolated or still closed was never written to by clients.
 */
export async function refusePrimary(
  host: ReadHost,
  change: MemberChange,
  { runId }: Pick<WorkContext, 'runId'>,
): Promise<void> {
  const { running, mode, role } = await postgresResource.read(host, change.pgdata);
  if (!running || mode !== 'open' || role === 'recovering') return;
  const { config } = accessOf(change);
  throw new PitrError({
    kind: 'refused',
    code: 'undo-stops-primary',
    message:
      role === 'primary'
        ? `PostgreSQL on ${host.name} is a primary: taking the start back would stop it under its clients`
        : `PostgreSQL runs on ${host.name}, and whether it is a primary cannot be told: taking the start back might stop it under its clients`,
    details: [
      `What was written since ${host.name} leads is in ${change.pgdata} there alone, or nearly so. The data that older changes give back does not hold it.`,
    ],
    host: host.name,
    next: [
      `Where it is to stay as it is, nothing has to be done. What stands: pitr runs ${runId}`,
      `Else let another member lead first, on ${host.name}: patronictl -c ${quote(config)} switchover`,
      `Where there is no other member and what it holds may go: stop Patroni on ${host.name} yourself.`,
    ],
  });
}
