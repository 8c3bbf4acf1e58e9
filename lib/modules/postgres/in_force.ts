import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { readMemberConfig } from '../../recovery/patroni/member-config.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { inForceSchema, limitDifferences, settingDifferences } from '../../recovery/postgres/in-force.ts';
import { lookInForce } from '../../recovery/postgres/look-in-force.ts';
import { instanceParams, sessionParams } from '../../recovery/postgres/params.ts';

const params = z.strictObject({
  since: inForceSchema
    .optional()
    .describe(
      'what this module gave before, of this instance or of the leader before it: differences are named',
    ),
  patroni_config: patroniParams.config.describe(
    "Patroni's configuration on this node: what it sets for this node alone is no difference",
  ),
  ...instanceParams,
  ...sessionParams,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells which settings and limits a running PostgreSQL works with, and which wait for a restart.',
  description:
    'By pg_settings and by the limits of its process, not by what files say. Settings that belong to a node (addresses, ' +
    'paths, its archive) are not compared with those of another node, nor those that its own Patroni configuration names.',
  examples: `- postgres.in_force:
  register: in_force
- postgres.in_force: { since: "{{ in_force }}" }
  register: now   # now.differences`,
  params,
  returns: {
    settings:
      'name to value, with its unit; with fingerprints for secrets (under <name>-fingerprint where the name says that it is one); without those of a standby or a recovery',
    limits: 'soft limits of the postmaster: open files, processes, ...',
    differences: 'what is otherwise than since, in words',
    restart: 'why it must be restarted to work with what is configured; empty when it need not be',
  },
  dependsOn: (p: Params) => [{ kind: 'postgres', id: p.pgdata }],
  read: async (host, p) => {
    const [now, local] = await Promise.all([
      lookInForce(host, p, p.since),
      p.since === undefined ? undefined : readMemberConfig(host, p.patroni_config),
    ]);
    const differences =
      p.since === undefined
        ? []
        : [...settingDifferences(p.since, now, local?.parameters ?? []), ...limitDifferences(p.since, now)];
    return { ...now, differences };
  },
});
