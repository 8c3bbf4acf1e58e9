import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { defineModule } from '../../contract/module.ts';
import { alterSystem, type SettingChange, settingChanges } from '../../recovery/postgres/alter-system.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, sessionParams } from '../../recovery/postgres/params.ts';
import {
  programsOf,
  querySql,
  runSql,
  type SessionTarget,
  sessionTarget,
} from '../../recovery/postgres/sql.ts';

/** ALTER SYSTEM itself refuses more than one line. */
const settingWord = z.string().regex(/^[^\n\r]*$/, 'must be one line');

const params = z.strictObject({
  settings: z
    .record(
      z
        .string()
        .regex(/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*$/, 'must be the name of a setting, in lower case'),
      z.union([settingWord, z.number(), z.boolean(), z.null(), z.array(settingWord)]),
    )
    .describe(
      'name to value as ALTER SYSTEM takes it; null resets; a list for settings that are lists of names',
    ),
  reload: z.boolean().default(true).describe('put into force what needs no restart'),
  ...instanceParams,
  ...sessionParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Sets and resets server settings with ALTER SYSTEM.',
  description:
    'Compares with postgresql.auto.conf as text: what is there already as it is written here is left alone. Settings ' +
    'that Patroni manages belong into its configuration instead.',
  examples: `- postgres.settings:
    settings:
      log_min_duration_statement: 250ms
      work_mem: null
  register: settings   # settings.restart_needed`,
  params,
  returns: {
    settings: 'name to the value in force after the reload',
    restart_needed: 'names that take force only with a restart',
  },
  read: async (host, p: Params) => {
    const instance = await host.look(postgresResource, p.pgdata);
    if (instance instanceof Unknown) return { present: undefined, programs: undefined };
    if (!instance.running) {
      throw new PitrError({
        kind: 'failed',
        code: 'postgres-does-not-run',
        message: `PostgreSQL does not run on ${p.pgdata}: ALTER SYSTEM needs it`,
        host: host.name,
        next: ['Start it first.'],
      });
    }
    // A prediction runs in no process that could be asked.
    if (instance.pid === undefined) return { present: undefined, programs: instance.programs };
    const target = { ...sessionTarget(p, instance.programs), bin: programsOf(p, instance.programs) };
    const answer = await querySql(host, target, [
      `select coalesce(json_object_agg(name, setting), '{}') from (
         select distinct on (name) name, setting from pg_file_settings
         where sourcefile = current_setting('data_directory') || '/postgresql.auto.conf' order by name, seqno desc
       ) as present`,
    ]);
    const present = JSON.parse(answer) as Readonly<Record<string, string>>;
    return { present: new Map(Object.entries(present)), programs: instance.programs };
  },
  plan: ({ present, programs }, p) => {
    const changes = settingChanges(present ?? new Map(), p.settings);
    if (changes.length === 0) return undefined;
    const bin = p.bin ?? programs;
    return {
      summary: `set ${changes.map(({ name }) => name).join(', ')}`,
      diff: changes.map(({ name, before, after }) => ({
        subject: name,
        before: before ?? '(not set)',
        after: after ?? '(not set)',
      })),
      changes,
      reload: p.reload,
      ...sessionTarget(p, bin),
      ...(bin === undefined ? {} : { bin }),
    };
  },
  apply: async (host, change, p, context) => {
    const target = { ...change, bin: programsOf({ ...p, bin: change.bin }, undefined) };
    const statements = change.changes.map(({ name, after }) => alterSystem(name, after));
    try {
      await runSql(host, target, reloading(statements, change.reload), 60_000, context.signal);
    } catch (thrown) {
      // Each statement stands for itself: those before the refused one are taken back, or half would be set.
      const back = change.changes.map(({ name, before }) => alterSystem(name, before));
      const after = host.afterwards(60_000);
      for (const statement of back) await runSql(after, target, [statement], 60_000).catch(() => undefined);
      throw thrown;
    }
    const answer = await querySql(host, target, [inForce(change.changes)]);
    const { settings, restart_needed } = JSON.parse(answer) as {
      readonly settings: Readonly<Record<string, string>> | null;
      readonly restart_needed: readonly string[] | null;
    };
    return { settings: settings ?? {}, restart_needed: restart_needed ?? [] };
  },
  undo: async (host, change, context) => {
    const seen = await postgresResource.read(host, change.pgdata);
    const target: SessionTarget = {
      ...change,
      bin: programsOf({ pgdata: change.pgdata, bin: change.bin }, seen.programs),
    };
    const statements = change.changes.map(({ name, before }) => alterSystem(name, before));
    await runSql(host, target, reloading(statements, change.reload), 60_000, context.signal);
  },
});

function reloading(statements: readonly string[], reload: boolean): readonly string[] {
  return reload ? [...statements, 'select pg_reload_conf()'] : statements;
}

function inForce(changes: readonly SettingChange[]): string {
  const names = changes.map(({ name }) => `'${name}'`).join(', ');
  return `select json_build_object(
    'settings', json_object_agg(name, current_setting(name)),
    'restart_needed', json_agg(name order by name) filter (where pending_restart)
  ) from pg_settings where name in (${names})`;
}
