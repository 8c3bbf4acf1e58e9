import { z } from 'zod';
import { withFingerprints } from '../../base/values/fingerprint.ts';
import { lastSeen } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineLook } from '../../contract/module.ts';
import { readCluster } from '../../recovery/patroni/cluster-resource.ts';
import { readConfig } from '../../recovery/patroni/dynamic-config.ts';
import { patroniParams } from '../../recovery/patroni/params.ts';
import { SILENCE } from '../../recovery/patroni/rest.ts';
import {
  type ClusterSettings,
  isSettling,
  settingsDifferences,
  slotName,
} from '../../recovery/patroni/settings.ts';
import { isStrict, provedStandbys, synchronousMode } from '../../recovery/patroni/synchronous.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { querySql, sessionTarget } from '../../recovery/postgres/sql.ts';

const settings = z.object({
  config: z.record(z.string(), z.unknown()),
  slots: z.array(z.string()),
  archive: z.string(),
  // The journal of an older version does not tell.
  standbys: z.number().default(0),
  memberSlots: z.array(z.string()).default([]),
});

const params = z.strictObject({
  since: settings.optional().describe('what this module gave before: differences are named'),
  restored: z
    .boolean()
    .default(false)
    .describe('the leader works on a restored copy: its logical slots begin anew, whatever their names'),
  settle: seconds
    .default(30)
    .describe('seconds for Patroni to make its slots and to choose its synchronous standbys as before'),
  nodes: z
    .array(z.string())
    .default([])
    .describe(
      'names of members beside those that the cluster lists: the slot of one that is out for a recovery is not a slot of somebody else',
    ),
  ...patroniParams,
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells how the cluster is configured, and what is different since an earlier look.',
  description:
    'The dynamic configuration in the DCS, the replication slots that belong to no member, synchronous standbys, and the ' +
    'archive mode. Runs on the leader. A recovery keeps the configuration; no slot survives a base backup. Patroni makes ' +
    'those of its configuration anew; the others, and logical ones that begin anew, are named.',
  examples: `- patroni.settings:
  register: settings
- patroni.settings: { since: "{{ settings }}" }
  register: settings_now`,
  params,
  returns: {
    config:
      'the dynamic configuration, with fingerprints for secrets: under <name>-fingerprint where the name says that it is one, else in the place of the text that holds it (patroni.config has all)',
    slots: 'replication slots that belong to no member, with kind, plugin and database',
    archive: 'archive_mode',
    standbys: 'how many members are synchronous standbys',
    memberSlots: 'names of the slots of members',
    synchronous: 'whether synchronous_mode is on',
    strict: 'whether no commit ends while no member stands by (synchronous_mode_strict)',
    differences: 'what is different since, in words',
  },
  dependsOn: (p: Params) => [{ kind: 'postgres', id: p.pgdata }],
  read: async (host, p, { signal }) => {
    const { since } = p;
    const now = await lastSeen(() => readSettings(host, p), {
      everyMs: 500,
      deadlineMs: p.settle * 1000,
      signal,
      done: (seen) => since === undefined || !isSettling(since, seen),
      // Without an earlier look nothing is waited for.
      passing: since === undefined ? [] : SILENCE,
    });
    return {
      ...now,
      config: withFingerprints(now.config),
      synchronous: synchronousMode(now.config) !== undefined,
      strict: isStrict(now.config),
      differences: since === undefined ? [] : settingsDifferences(since, now, p.restored),
    };
  },
});

const SETTINGS = `select json_build_object('archive', current_setting('archive_mode'), 'slots', coalesce((
  select json_agg(json_build_array(slot_name, slot_type, plugin, database) order by slot_name)
  from pg_replication_slots where not temporary), '[]'::json))`;

const rows = z.object({ archive: z.string(), slots: z.array(z.array(z.string().nullable())) });

async function readSettings(host: ReadHost, p: Params): Promise<ClusterSettings> {
  const [config, instance, cluster] = await Promise.all([
    readConfig(host, p),
    postgresResource.read(host, p.pgdata),
    readCluster(host, p),
  ]);
  const { archive, slots } = rows.parse(
    JSON.parse(
      await querySql(host, sessionTarget({ pgdata: p.pgdata, bin: p.bin, user: p.user }, instance.programs), [
        SETTINGS,
      ]),
    ),
  );
  const ofMembers = new Set([...Object.keys(cluster.members), ...p.nodes].map(slotName));
  return {
    config,
    archive,
    standbys: provedStandbys(cluster).length,
    memberSlots: [...ofMembers],
    slots: slots
      .filter(([name]) => !ofMembers.has(name ?? ''))
      .map(([name, ...words]) => `${name} (${words.filter((word) => word !== null).join(', ')})`),
  };
}
