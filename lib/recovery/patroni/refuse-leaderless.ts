import { PitrError } from '../../base/errors/pitr-error.ts';
import { lastSeen } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { serviceCommand } from '../../system/service/service-resource.ts';
import { readCluster } from './cluster-resource.ts';
import { accessOf } from './member-control.ts';
import type { MemberChange } from './member-plan.ts';

/** A leader that the same undo has just started takes the lead at once; after one that died the cluster needs its ttl. */
const LEADER_MS = 60_000;

/**
 * Refuses to start a member that was out for a recovery (kind `refused`, `undo-without-leader`) where nobody leads, or
 * nobody tells who does: alone, it would lead with its old data. The leader of before may: its data was the newest. Where
 * the same run has stopped that one, too, it was stopped later, so it is back before this is asked. `ahead`: nothing of the
 * run is taken back yet, so the old data is not in its place.
 */
export async function refuseLeaderless(
  host: ReadHost,
  change: MemberChange,
  context: Pick<WorkContext, 'runId' | 'signal' | 'progress'>,
  ahead = false,
): Promise<void> {
  if (change.outWhile === undefined || change.led === true) return;
  const { runId, signal, progress } = context;
  const who = await lastSeen(() => leaderSeen(host, change), {
    everyMs: 1000,
    deadlineMs: Math.min(change.timeoutMs, LEADER_MS),
    signal,
    done: (seen) => seen === 'somebody',
    onSeen: (seen) => progress(`${seen} the cluster, so ${host.name} is not started yet`),
  });
  if (who === 'somebody') return;
  const start = serviceCommand(change.manager, change.service, 'start').join(' ');
  throw new PitrError({
    kind: 'refused',
    code: 'undo-without-leader',
    message:
      who === 'nobody leads'
        ? `nobody leads the cluster: ${host.name} might lead with its old data, without what was written since it left`
        : `nobody tells who leads the cluster: ${host.name} might lead with its old data, without what was written since it left`,
    host: host.name,
    next: [
      'Let another member lead first: start its Patroni.',
      ...(ahead
        ? [
            `Or leave ${host.name} out of the cluster, by the number of this change (see above): pitr undo ${runId} --keep <number>`,
            `Where none has newer data, ${host.name} may lead after that: start Patroni there yourself (${start}).`,
          ]
        : [
            `Where none has newer data, let ${host.name} lead: start Patroni there yourself (${start}), and go on when it leads.`,
            `Or leave it out of the cluster, by the number of this change (see above): pitr undo ${runId} --keep <number>`,
          ]),
    ],
  });
}

async function leaderSeen(
  host: ReadHost,
  change: MemberChange,
): Promise<'somebody' | 'nobody leads' | 'nobody tells who leads'> {
  try {
    const { leader } = await readCluster(host, { ...accessOf(change), ...change.replicaOf });
    return leader === undefined ? 'nobody leads' : 'somebody';
  } catch (thrown) {
    if (thrown instanceof PitrError && thrown.code === 'patroni-silent') return 'nobody tells who leads';
    throw thrown;
  }
}
