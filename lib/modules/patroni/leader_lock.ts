import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { lastSeen } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineLook } from '../../contract/module.ts';
import { type ClusterState, readCluster } from '../../recovery/patroni/cluster-resource.ts';
import { memberName, patroniParams } from '../../recovery/patroni/params.ts';
import type { PatroniAccess } from '../../recovery/patroni/rest.ts';
import { CLUSTER_RETURNS, toldCluster } from '../../recovery/patroni/told-cluster.ts';
import { seconds } from '../../recovery/postgres/params.ts';

const params = z.strictObject({
  member: memberName.optional().describe("member that may hold it; the host's name by default"),
  timeout: seconds
    .default(60)
    .describe('seconds until nobody else may hold it any more: longer than the ttl of the cluster')
    .meta({ variable: 'leadership_timeout' }),
  interval: z.number().min(0.1).max(60).default(0.5).describe('seconds between two looks'),
  ...patroniParams,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Waits until nobody but one member holds the leader lock, and tells the cluster.',
  description:
    'A leader whose Patroni was killed gives its lock back only when its ttl is over (30 s by default). Whoever starts ' +
    'Patroni on a primary before that has it made a standby. At the deadline it is no failure that somebody else holds the ' +
    'lock: that is told, as `leader`.',
  examples: `- patroni.leader_lock: {}
  register: cluster
- core.assert:
    that: "!has(cluster.leader) || cluster.leader == inventory_hostname"
    fail_msg: "{{ cluster.leader }} leads"`,
  params,
  returns: CLUSTER_RETURNS,
  awaits: true,
  dependsOn: (p: Params) => [{ kind: 'patroni', id: p.cluster ?? '' }],
  read: async (host, p, context) => {
    const member = p.member ?? host.name;
    let told: string | undefined;
    const seen = await lastSeen(() => clusterOrSilence(host, p), {
      everyMs: p.interval * 1000,
      deadlineMs: p.timeout * 1000,
      signal: context.signal,
      done: (look) => !(look instanceof PitrError) && (look.leader === undefined || look.leader === member),
      onSeen: (look) => {
        const words =
          look instanceof PitrError ? look.message : `${look.leader ?? 'nobody'} still holds the leader lock`;
        if (words !== told) context.progress(words);
        told = words;
      },
    });
    if (seen instanceof PitrError) throw seen;
    return toldCluster(seen);
  },
});

/** Who does not answer once may answer at the next look. */
async function clusterOrSilence(host: ReadHost, p: PatroniAccess): Promise<ClusterState | PitrError> {
  try {
    return await readCluster(host, p);
  } catch (thrown) {
    if (thrown instanceof PitrError && thrown.code === 'patroni-silent') return thrown;
    throw thrown;
  }
}
