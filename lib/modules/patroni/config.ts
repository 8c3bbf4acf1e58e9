import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { findConfig } from '../../recovery/patroni/dynamic-config.ts';
import { isStandbyCluster, readMemberConfig, replicaMethods } from '../../recovery/patroni/member-config.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { isStrict, synchronousMode } from '../../recovery/patroni/synchronous.ts';

const params = z.strictObject({ ...patroniParams });

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells how Patroni is configured: the cluster, and the member on this node.',
  description:
    "The dynamic configuration comes from the node's own Patroni, or from the DCS (patronictl) where that is silent; " +
    "the member's from its file, which wins over the other. Fails where one of them cannot be read: what is not seen " +
    'is not taken for not configured.',
  examples: `- patroni.config:
  register: configured
- core.assert:
    that: "!configured.standby_cluster"`,
  params,
  returns: {
    config: 'the dynamic configuration',
    standby_cluster: 'whether the cluster follows another one (standby_cluster)',
    synchronous: 'whether none but a synchronous standby takes over (synchronous_mode)',
    strict: 'whether no commit ends while no member stands by (synchronous_mode_strict)',
    host: 'where it announces the PostgreSQL of this node; absent where the file does not say it',
    port: 'and at which port',
    replica_methods:
      'how Patroni makes a replica on this node (create_replica_methods); basebackup by default',
  },
  read: async (host, p: Params) => {
    const [config, local] = await Promise.all([findConfig(host, p), readMemberConfig(host, p.config)]);
    return {
      config,
      standby_cluster: isStandbyCluster(config),
      synchronous: synchronousMode(config) !== undefined,
      strict: isStrict(config),
      ...(local.host === undefined ? {} : { host: local.host, port: local.port }),
      replica_methods: replicaMethods(local, config),
    };
  },
});
