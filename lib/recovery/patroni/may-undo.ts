import type { ReadHost } from '../../contract/host.ts';
import type { NewerChange, WorkContext } from '../../contract/module.ts';
import { mayAlter } from '../../contract/newer-changes.ts';
import { postgresResource } from '../postgres/instance-resource.ts';
import type { MemberChange } from './member-plan.ts';
import { refuseLeaderless } from './refuse-leaderless.ts';
import { refusePrimary } from './refuse-primary.ts';

/** Refuses, before anything of the run is taken back, to stop a member that leads. */
export async function mayStopMember(
  host: ReadHost,
  change: MemberChange,
  context: WorkContext,
  newer: readonly NewerChange[],
): Promise<void> {
  const settled = !mayAlter(newer, host.name, postgresResource.kind, change.pgdata);
  if (settled && !newer.some(handsOver)) await refusePrimary(host, change, context);
}

/** Refuses likewise to start a member where nobody leads, unless a newer change may bring somebody back who does. */
export async function mayStartMember(
  host: ReadHost,
  change: MemberChange,
  context: WorkContext,
  newer: readonly NewerChange[],
): Promise<void> {
  const bringsBack = ({ host: other, change: { cluster }, effects }: Newer): boolean =>
    typeof cluster === 'string' ||
    (other !== host.name && effects.some((effect) => effect.cluster !== undefined));
  if (!newer.some((one) => handsOver(one) || bringsBack(one)))
    await refuseLeaderless(host, change, context, true);
}

type Newer = NewerChange & { readonly change: { readonly cluster?: unknown; readonly candidate?: unknown } };

/** Whether its undo hands the leadership to another member: patroni.failover, or a command of the playbook. */
function handsOver({ change }: Newer): boolean {
  return typeof change.candidate === 'string' || JSON.stringify(change).includes('patronictl');
}
