import { z } from 'zod';
import { defineLook, type ReadHost } from '../../contract/module.ts';
import { PitrError } from '../../errors/pitr-error.ts';
import { patroniParams } from '../../patroni/params.ts';
import { type ClusterSettings, settingsDifferences } from '../../patroni/settings.ts';
import { instanceParams } from '../../postgres/params.ts';
import { readCluster } from '../../resources/patroni.ts';
import { askOwn } from '../../resources/patroni-rest.ts';
import { postgresResource } from '../../resources/postgres.ts';
import { querySql, sessionTarget } from '../../resources/sql.ts';

const settings = z.object({
  config: z.record(z.string(), z.unknown()),
  slots: z.array(z.string()),
  archive: z.string(),
});

const params = z.strictObject({
  since: settings.optional().describe('what this module gave before: differences are named'),
  ...patroniParams,
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells how the cluster is configured, and what is different since an earlier look.',
  description:
    'The dynamic configuration in the DCS, the replication slots that belong to no member, and the archive mode. Runs on the leader. A recovery keeps the configuration; logical slots do not survive a base backup, and are named.',
  examples: `- patroni.settings:
  register: settings
- patroni.settings: { since: "{{ settings }}" }
  register: settings_now`,
  params,
  returns: {
    config: 'the dynamic configuration',
    slots: 'replication slots that belong to no member, with kind, plugin and database',
    archive: 'archive_mode',
    differences: 'what is different since, in words',
  },
  dependsOn: (p: Params) => [{ kind: 'postgres', id: p.pgdata }],
  read: async (host, p) => {
    const now: ClusterSettings = { config: await configOf(host, p), ...(await ofServer(host, p)) };
    return { ...now, differences: p.since === undefined ? [] : settingsDifferences(p.since, now) };
  },
});

async function configOf(host: ReadHost, p: Params): Promise<ClusterSettings['config']> {
  const answer = await askOwn(host, p, '/config');
  const url = `${answer.base ?? p.url ?? `http://127.0.0.1:${p.port}`}/config`;
  const parsed = z
    .record(z.string(), z.unknown())
    .safeParse(answer.code === 200 ? JSON.parse(answer.body) : undefined);
  if (parsed.success) return parsed.data;
  throw new PitrError({
    kind: 'failed',
    code: 'patroni-config-not-read',
    message: "Patroni does not tell the cluster's dynamic configuration",
    details: [`GET ${url}: ${answer.code === 0 ? 'no answer' : `HTTP ${answer.code}`}`],
    host: host.name,
    next: [`Look whether Patroni runs there: curl -s ${url}`],
  });
}

const SETTINGS = `select json_build_object('archive', current_setting('archive_mode'), 'slots', coalesce((
  select json_agg(json_build_array(slot_name, slot_type, plugin, database) order by slot_name)
  from pg_replication_slots where not temporary), '[]'::json))`;

const rows = z.object({ archive: z.string(), slots: z.array(z.array(z.string().nullable())) });

async function ofServer(host: ReadHost, p: Params): Promise<Pick<ClusterSettings, 'slots' | 'archive'>> {
  const [instance, { members }] = await Promise.all([
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
  const ofMembers = new Set(Object.keys(members).map(slotName));
  return {
    archive,
    slots: slots
      .filter(([name]) => !ofMembers.has(name ?? ''))
      .map(([name, ...words]) => `${name} (${words.filter((word) => word !== null).join(', ')})`),
  };
}

/** Patroni's name for a member's slot: lower case, and what PostgreSQL does not allow written otherwise. */
function slotName(member: string): string {
  return member
    .toLowerCase()
    .replaceAll(/[-.]/g, '_')
    .replaceAll(/[^a-z0-9_]/g, (letter) => `u${(letter.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`);
}
