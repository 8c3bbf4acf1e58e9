import { z } from 'zod';
import type { ReadHost } from '../../contract/host.ts';
import { querySql, type SessionTarget, sessionTarget } from '../postgres/sql.ts';
import type { NodePlace } from './place.ts';

/** Settings that are looked at by name. */
const SETTINGS = [
  'archive_mode',
  'archive_command',
  'archive_library',
  'archive_timeout',
  'fsync',
  'full_page_writes',
  'listen_addresses',
  'max_slot_wal_keep_size',
  'TimeZone',
  'log_timezone',
  'wal_segment_size',
];

const slot = z.object({ name: z.string(), active: z.boolean(), held: z.number().nullable() });

const fileError = z.object({
  name: z.string().nullable(),
  sourcefile: z.string().nullable(),
  sourceline: z.number().nullable(),
  error: z.string(),
});

const schema = z.object({
  in_recovery: z.boolean(),
  replay_paused: z.boolean(),
  receiving: z.string().nullable(),
  /** Where it writes WAL; nothing of one that recovers. */
  wal: z.string().nullable(),
  version: z.number(),
  system_id: z.string(),
  settings: z.record(z.string(), z.string()),
  pending: z.array(z.string()),
  restart: z.record(z.string(), z.string()),
  archived: z.object({
    last: z.string().nullable(),
    seconds_ago: z.number().nullable(),
    failed: z.string().nullable(),
    failing: z.boolean(),
  }),
  ready: z.number(),
  slots: z.array(slot),
  hba_errors: z.array(z.string()),
  file_errors: z.array(fileError).transform((rows) => [...new Set(rows.filter(isWrong).map(inWords))]),
  tablespaces: z.array(z.string()),
});

/**
 * A setting whose line was taken out of the files waits for a restart: that is told with what waits (`pending`). Its row
 * names no file, and nor does that of a file which cannot be opened. PostgreSQL translates neither text.
 */
function isWrong({ sourcefile, error }: z.output<typeof fileError>): boolean {
  return (
    sourcefile !== null || !/^parameter ".*" cannot be changed without restarting the server$/.test(error)
  );
}

function inWords({ name, sourcefile, sourceline, error }: z.output<typeof fileError>): string {
  if (sourcefile === null) return error;
  return `${name ?? ''} (${sourcefile} line ${sourceline ?? '?'}): ${error}`.trimStart();
}

/** What a running PostgreSQL tells of itself. */
export type NodeSql = z.output<typeof schema>;

// jsonb prints on one line.
const ASK = `select jsonb_build_object(
  'in_recovery', pg_is_in_recovery(),
  'replay_paused', case when pg_is_in_recovery() then pg_is_wal_replay_paused() else false end,
  'receiving', (select status from pg_stat_wal_receiver),
  'wal', case when pg_is_in_recovery() then null else pg_current_wal_lsn()::text end,
  'version', current_setting('server_version_num')::int,
  'system_id', (select system_identifier::text from pg_control_system()),
  'settings', (select jsonb_object_agg(name, setting) from pg_settings
    where name = any (array[${SETTINGS.map((name) => `'${name}'`).join(', ')}])),
  'pending', (select coalesce(jsonb_agg(name order by name), '[]') from pg_settings where pending_restart),
  'restart', (select jsonb_object_agg(name, setting) from pg_settings where context = 'postmaster'
    and source in ('default', 'environment variable', 'configuration file', 'command line', 'global')),
  'archived', (select jsonb_build_object('last', last_archived_wal,
      'seconds_ago', extract(epoch from now() - last_archived_time)::int, 'failed', last_failed_wal,
      'failing', last_failed_time is not null and coalesce(last_archived_time <= last_failed_time, true))
    from pg_stat_archiver),
  'ready', (select count(*) from pg_ls_archive_statusdir() where name like '%.ready'),
  'slots', (select coalesce(jsonb_agg(jsonb_build_object('name', slot_name, 'active', active,
      'held', case when pg_is_in_recovery() then null
        else pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)::bigint end)), '[]') from pg_replication_slots),
  'hba_errors', (select coalesce(jsonb_agg('line ' || line_number || ': ' || error), '[]')
    from pg_hba_file_rules where error is not null),
  'file_errors', (select coalesce(jsonb_agg(jsonb_build_object('name', name, 'sourcefile', sourcefile,
      'sourceline', sourceline, 'error', error) order by seqno), '[]')
    from pg_file_settings where error is not null and error <> 'setting could not be applied'),
  'tablespaces', (select coalesce(jsonb_agg(spcname order by spcname), '[]') from pg_tablespace
    where spcname not in ('pg_default', 'pg_global')))`;

const ASK_BYTES = 'select sum(pg_database_size(oid))::bigint from pg_database';

const LIMITS = { statementMs: 30_000, lockMs: 3_000 };

/** Asks the PostgreSQL of a node. Throws kind `failed` where it lets nobody in. */
export async function askNode(
  host: ReadHost,
  place: NodePlace,
  programs: string | undefined,
): Promise<NodeSql> {
  return parseNodeSql(await querySql(host, targetOf(place, programs), [ASK], LIMITS));
}

/**
 * Bytes of all its databases. Each of their files is looked at for it, which takes minutes where they are many: asked by itself,
 * or nothing else would be known either. Throws like `askNode`.
 */
export async function askBytes(
  host: ReadHost,
  place: NodePlace,
  programs: string | undefined,
): Promise<number> {
  return Number(await querySql(host, targetOf(place, programs), [ASK_BYTES], LIMITS));
}

function targetOf({ pgdata, bin, user }: NodePlace, programs: string | undefined): SessionTarget {
  return sessionTarget({ pgdata, bin, user }, programs);
}

export function parseNodeSql(printed: string): NodeSql {
  return schema.parse(JSON.parse(printed));
}
