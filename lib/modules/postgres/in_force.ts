import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { readMemberConfig } from '../../recovery/patroni/member-config.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import {
  IN_FORCE,
  inForceSchema,
  LIMITS,
  limitDifferences,
  parseInForce,
  parseLimits,
  settingDifferences,
} from '../../recovery/postgres/in-force.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, sessionParams } from '../../recovery/postgres/params.ts';
import { querySql, sessionTarget } from '../../recovery/postgres/sql.ts';

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
    settings: 'name to value, with its unit',
    limits: 'soft limits of the postmaster: open files, processes, ...',
    differences: 'what is otherwise than since, in words',
    restart: 'why it must be restarted to work with what is configured; empty when it need not be',
  },
  dependsOn: (p: Params) => [
    { kind: 'postgres', id: p.pgdata },
    { kind: 'patroni', id: '' },
  ],
  read: async (host, p) => {
    const { programs } = await postgresResource.read(host, p.pgdata);
    const [told, limits, local] = await Promise.all([
      querySql(host, sessionTarget(p, programs), [IN_FORCE]),
      host.query(LIMITS([p.pgdata], { user: p.user })),
      p.since === undefined ? { parameters: [] } : readMemberConfig(host, p.patroni_config),
    ]);
    const { settings, pending } = parseInForce(told);
    const now = { settings, limits: limits.exitCode === 0 ? parseLimits(limits.stdout) : {} };
    const limited = p.since === undefined ? [] : limitDifferences(p.since, now);
    return {
      ...now,
      differences:
        p.since === undefined ? [] : [...settingDifferences(p.since, now, local.parameters), ...limited],
      restart: [...pending.map((name) => `${name} waits for a restart`), ...limited],
    };
  },
});
