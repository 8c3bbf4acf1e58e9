import { z } from 'zod';
import { lastSeen } from '../../base/wait/until.ts';
import { defineLook } from '../../contract/module.ts';
import { readCluster } from '../../recovery/patroni/cluster-resource.ts';
import { memberName, patroniParams } from '../../recovery/patroni/params.ts';
import { SILENCE } from '../../recovery/patroni/rest.ts';
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

const { paused: _, ...returns } = CLUSTER_RETURNS;

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
  returns,
  awaits: true,
  dependsOn: (p: Params) => [{ kind: 'patroni', id: p.cluster ?? '' }],
  read: async (host, p, context) => {
    const member = p.member ?? host.name;
    let told: string | undefined;
    const tell = (words: string): void => {
      if (words !== told) context.progress(words);
      told = words;
    };
    // Nobody can write while this is asked.
    const seen = await lastSeen(() => readCluster(host, p, { withPause: false }), {
      everyMs: p.interval * 1000,
      deadlineMs: p.timeout * 1000,
      signal: context.signal,
      done: ({ leader }) => leader === undefined || leader === member,
      onSeen: ({ leader }) => tell(`${leader ?? 'nobody'} still holds the leader lock`),
      passing: SILENCE,
      onFailed: ({ message }) => tell(message),
    });
    return toldCluster(seen);
  },
});
