import type { ReadHost } from '../../contract/host.ts';
import type { NewerChange, WorkContext } from '../../contract/module.ts';
import { mayAlter } from '../../contract/newer-changes.ts';
import { postgresResource } from '../postgres/instance-resource.ts';
import type { MemberChange } from './member-plan.ts';
import { refuseLeaderless } from './refuse-leaderless.ts';
import { refusePaused } from './refuse-paused.ts';
import { refusePrimary } from './refuse-primary.ts';

/** Refuses, before anything of the run is taken back, to stop a member that leads. */
export async function mayStopMember(
  host: ReadHost,
  change: MemberChange,
  context: WorkContext,
  newer: readonly NewerChange[],
): Promise<void> {
  if (isSettled(host, change, newer) && !newer.some(handsOver)) await refusePrimary(host, change, context);
}

/**
 * Refuses likewise to start a member in a pause, unless a newer change may end it, and where nobody leads, unless a newer
 * change may bring somebody back who does.
 */
export async function mayStartMember(
  host: ReadHost,
  change: MemberChange,
  context: WorkContext,
  newer: readonly NewerChange[],
): Promise<void> {
  const bringsBack = ({ host: other, effects }: NewerChange): boolean =>
    other !== host.name && effects.some((effect) => effect.cluster !== undefined);
  if (newer.some((one) => handsOver(one) || speaksToPatroni(one))) return;
  // A member that streams again was rebuilt, and is stopped when that is taken back.
  await refusePaused(host, change, { runsOn: isSettled(host, change, newer) });
  if (!newer.some(bringsBack)) await refuseLeaderless(host, change, context, true);
}

/** Whether its PostgreSQL is as it is now when this change is taken back: no newer one has to do with it. */
function isSettled(host: ReadHost, { pgdata }: MemberChange, newer: readonly NewerChange[]): boolean {
  return !mayAlter(newer, host.name, postgresResource.kind, pgdata);
}

type Newer = NewerChange & { readonly change: { readonly cluster?: unknown; readonly candidate?: unknown } };

/** Whether its undo changes the cluster by way of Patroni: a pause is ended, another member leads. */
function speaksToPatroni({ change: { cluster } }: Newer): boolean {
  return typeof cluster === 'string';
}

/** Whether its undo hands the leadership to another member: patroni.failover, or a command of the playbook. */
function handsOver({ change }: Newer): boolean {
  return typeof change.candidate === 'string' || JSON.stringify(change).includes('patronictl');
}
