import { mayLead } from './cluster.ts';
import type { ClusterState } from './cluster-resource.ts';
import { mayStandBy } from './synchronous.ts';

/** A cluster as tasks are told of it: what `patroni.cluster` returns. */
export function toldCluster(state: ClusterState): Readonly<Record<string, unknown>> {
  return {
    cluster: state.cluster,
    ...(state.leader === undefined ? {} : { leader: state.leader }),
    members: Object.fromEntries(
      Object.values(state.members).map((member) => [
        member.name,
        {
          role: member.role,
          state: member.state,
          timeline: member.timeline,
          lag_bytes: member.lagBytes,
          host: member.host,
          port: member.port,
          api_url: member.apiUrl,
          may_stand_by: mayStandBy(member),
          may_lead: mayLead(member),
        },
      ]),
    ),
    timeline: state.timeline,
    system_id: state.systemId,
    ...(state.paused === undefined ? {} : { paused: state.paused }),
    source: state.source,
  };
}

export const CLUSTER_RETURNS = {
  cluster: 'its name (scope)',
  leader: 'name of the leader; absent when there is none',
  members:
    'by name: role, state, timeline, lag_bytes, host, port, api_url; may_stand_by: whether Patroni may choose it as a synchronous standby; may_lead: whether it may take over (up, and without the tag nofailover)',
  timeline: 'of the leader, else the highest of all members',
  system_id: 'database system identifier, as text',
  paused: 'whether automatic failover is paused; absent when nobody tells',
  source: 'who told: node, member or patronictl',
} as const;
