import { z } from 'zod';
import type { ReadHost } from '../../contract/host.ts';
import { commandLine } from '../../transport/quote.ts';
import { LOCK_MODES } from '../wal/records/prepared.ts';
import { literal } from './alter-system.ts';
import { querySql, type SessionTarget } from './sql.ts';

/** A transaction that waits for the second half of its two-phase commit. */
export interface Prepared {
  readonly gid: string;
  readonly owner: string;
  readonly database: string;
  /** UTC. */
  readonly time: string;
  readonly xid: number;
  readonly locks: readonly { readonly table: string; readonly mode: string }[];
}

/** The numbers that the WAL has in the place of names (barman.moment: `prepared`). */
export const preparedInWal = z.looseObject({
  gid: z.string(),
  xid: z.int(),
  time: z.string(),
  database: z.int(),
  owner: z.int(),
  locks: z.array(z.looseObject({ relation: z.int(), mode: z.string() })),
});

export type PreparedInWal = z.output<typeof preparedInWal>;

const OPEN = `select coalesce(json_agg(json_build_object(
  'gid', gid, 'owner', owner, 'database', database, 'xid', transaction::text::bigint,
  'time', to_char(prepared at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00') order by prepared), '[]')
from pg_prepared_xacts`;

/**
 * Locks of prepared transactions on relations of this database: no process holds them. Their virtual transaction is that of the
 * session that has prepared them; once the server was started again it is none. So the lock on its own number tells whose they are.
 */
export const LOCKS = `select coalesce(json_agg(json_build_object('xid', xid, 'table', name, 'mode', mode)), '[]') from (
  select own.transactionid::text::bigint as xid, l.relation::regclass::text as name, l.mode
  from pg_locks l join pg_class c on c.oid = l.relation
  join pg_locks own on own.locktype = 'transactionid' and own.pid is null and own.virtualtransaction = l.virtualtransaction
  join pg_prepared_xacts p on p.transaction = own.transactionid
  where l.locktype = 'relation' and l.pid is null and c.relkind in ('r', 'p', 'm', 'f')
    and l.database = (select oid from pg_database where datname = current_database())
) as found`;

interface OpenRow extends Omit<Prepared, 'locks'> {}
interface LockRow {
  readonly xid: number;
  readonly table: string;
  readonly mode: string;
}

/** What is prepared in a primary, as it says itself. */
export async function readPrepared(host: ReadHost, session: SessionTarget): Promise<readonly Prepared[]> {
  const open = JSON.parse(await querySql(host, session, [OPEN])) as readonly OpenRow[];
  const databases = [...new Set(open.map(({ database }) => database))];
  const locks = await Promise.all(
    databases.map(async (database) => {
      const rows = JSON.parse(await querySql(host, { ...session, database }, [LOCKS])) as readonly LockRow[];
      return [database, rows] as const;
    }),
  );
  const byDatabase = new Map(locks);
  return open.map((one) => ({
    ...one,
    locks: strongest((byDatabase.get(one.database) ?? []).filter(({ xid }) => xid === one.xid)),
  }));
}

/** One lock a table. */
function strongest(locks: readonly LockRow[]): Prepared['locks'] {
  const weakestFirst = locks.toSorted((a, b) => LOCK_MODES.indexOf(a.mode) - LOCK_MODES.indexOf(b.mode));
  return [...new Map(weakestFirst.map(({ table, mode }) => [table, { table, mode }])).values()];
}

/**
 * What is prepared in a standby, which does not show it before its promotion: what the WAL says, with the names that the
 * catalogues of a server have. Where they have none (any more, on another server of the cluster) the number stays.
 */
export async function namePrepared(
  host: ReadHost,
  session: SessionTarget,
  seen: readonly PreparedInWal[],
): Promise<readonly Prepared[]> {
  return Promise.all(
    seen.map(async (one) => {
      const { owner, database } = JSON.parse(
        await querySql(host, session, [
          `select json_build_object('owner', (select rolname::text from pg_roles where oid = ${one.owner}),
             'database', (select datname::text from pg_database where oid = ${one.database} and datallowconn))`,
        ]),
      ) as { readonly owner: string | null; readonly database: string | null };
      return {
        gid: one.gid,
        owner: owner ?? `role number ${one.owner}`,
        database: database ?? `number ${one.database}`,
        time: one.time,
        xid: one.xid,
        locks: await nameLocks(host, session, database, one.locks),
      };
    }),
  );
}

/** Tables alone: what else it has locked (indexes, sequences) is locked with them. */
async function nameLocks(
  host: ReadHost,
  session: SessionTarget,
  database: string | null,
  locks: PreparedInWal['locks'],
): Promise<Prepared['locks']> {
  if (database === null || locks.length === 0)
    return locks.map(({ relation, mode }) => ({ table: `relation ${relation}`, mode }));
  const names = locks.map(
    ({ relation, mode }) =>
      `select json_build_object('table', coalesce(oid::regclass::text, 'relation ${relation}'), 'mode', '${mode.replaceAll("'", '')}')
       from (select 1) as always left join pg_class on oid = ${relation} where coalesce(relkind in ('r', 'p', 'm', 'f'), true)`,
  );
  const lines = await querySql(host, { ...session, database }, names);
  return lines
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Prepared['locks'][number]);
}

export interface Deciding {
  readonly commit: string;
  readonly rollback: string;
}

/** The commands that decide it, for the shell of a user who may log in as this role. */
export function decidingCommands(
  one: Pick<Prepared, 'gid' | 'database'>,
  at: {
    readonly bin: string;
    readonly role: string;
    readonly socket?: string | undefined;
    readonly port?: number | undefined;
  },
): Deciding {
  const command = (verb: string): string =>
    commandLine([
      `${at.bin}/psql`,
      ...(at.socket === undefined ? [] : ['-h', at.socket]),
      ...(at.port === undefined ? [] : ['-p', String(at.port)]),
      ...['-U', at.role, '-d', one.database, '-c', `${verb} prepared ${literal(one.gid)}`],
    ]);
  return { commit: command('commit'), rollback: command('rollback') };
}

/** `"order 7" of shop, prepared by app at ...; it keeps locked: orders (AccessExclusiveLock)` */
export function preparedLine({ gid, owner, database, time, locks }: Prepared): string {
  const locked =
    locks.length === 0
      ? 'it has locked no table'
      : `it keeps locked: ${locks.map(({ table, mode }) => `${table} (${mode})`).join(', ')}`;
  return `${JSON.stringify(gid)} in database ${database}, prepared by ${owner} at ${time}; ${locked}`;
}
