import { z } from 'zod';
import { known } from '../../contract/known.ts';
import { defineLook } from '../../contract/module.ts';
import { patroniResource } from '../../recovery/patroni/cluster-resource.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { CLUSTER_RETURNS, toldCluster } from '../../recovery/patroni/told-cluster.ts';

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
  returns: CLUSTER_RETURNS,
  read: async (host, p: Params) => toldCluster(known(await host.look(patroniResource(p), p.cluster ?? ''))),
});
