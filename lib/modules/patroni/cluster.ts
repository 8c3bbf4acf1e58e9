import { z } from 'zod';
import { known } from '../../contract/known.ts';
import { defineLook } from '../../contract/module.ts';
import { patroniResource } from '../../recovery/patroni/cluster-resource.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';

const params = z.strictObject({ ...patroniParams });

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells the members of the Patroni cluster, who leads, and on which timeline.',
  description:
    "Asks the node's own REST API; where its Patroni does not run, patronictl and the REST API of another member.",
  examples: `- patroni.cluster:
  register: cluster
- core.assert:
    that: target != cluster.leader
    message: the target is the leader`,
  params,
  returns: {
    cluster: 'its name (scope)',
    leader: 'name of the leader; absent when there is none',
    members: 'by name: role, state, timeline, lag_bytes, host, port, api_url',
    timeline: 'of the leader, else the highest of all members',
    system_id: 'database system identifier, as text',
    paused: 'whether automatic failover is paused; absent when nobody tells',
    source: 'who told: node, member or patronictl',
  },
  read: async (host, p: Params) => {
    const state = known(await host.look(patroniResource(p), p.cluster ?? ''));
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
          },
        ]),
      ),
      timeline: state.timeline,
      system_id: state.systemId,
      ...(state.paused === undefined ? {} : { paused: state.paused }),
      source: state.source,
    };
  },
});
