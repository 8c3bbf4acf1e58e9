import { archiveCurrentWal, type BaseBackup, takeBackup } from './archive.ts';
import { currentLeader, sql } from './cluster.ts';
import type { Lab } from './lab.ts';
import type { Report } from './progress.ts';
import {
  countRows,
  createShop,
  database,
  lastOrder,
  parseRowCounts,
  placeOrders,
  type RowCounts,
} from './shop.ts';
import type { DatabaseHost } from './topology.ts';

/** What `seed --json` prints. */
export interface Seed {
  readonly prefix: string;
  readonly database: string;
  readonly leader: DatabaseHost;
  readonly backup: { readonly id: string; readonly server: string; readonly endedAt: string };
  /** Rows by table when the backup began and now. */
  readonly rowsInBackup: RowCounts;
  readonly rowsNow: RowCounts;
  /** The last WAL segment that was proved to be in Barman's archive. */
  readonly lastArchivedWal: string;
}

/**
 * Makes the practice database on the leader (an older one of that name is dropped), takes a base
 * backup on the leader's Barman server, writes more orders and proves that their WAL is archived.
 * Throws a LabError when the cluster has no leader or a step fails.
 */
export async function labSeed(lab: Lab, report: Report): Promise<Seed> {
  const leader = await currentLeader(lab);
  await sql(
    lab,
    leader,
    `drop database if exists ${database} with (force);\ncreate database ${database} strategy file_copy;`,
  );
  await sql(lab, leader, createShop(), { database });
  const rowsInBackup = await rowCounts(lab, leader);
  report(`database ${database} made on ${leader}: ${total(rowsInBackup)} rows`);
  const backup = await takeBackup(lab, leader);
  report(`base backup ${backup.id} taken on Barman server ${backup.server}`);
  await writeOrders(lab, leader, { transactions: 10, ordersEach: 100 });
  const lastArchivedWal = await archiveCurrentWal(lab, leader);
  const rowsNow = await rowCounts(lab, leader);
  report(`${total(rowsNow)} rows now; WAL archived up to ${lastArchivedWal}`);
  return {
    prefix: lab.prefix,
    database,
    leader,
    backup: describeBackup(backup),
    rowsInBackup,
    rowsNow,
    lastArchivedWal,
  };
}

export function describeBackup({ id, server, endedAt }: BaseBackup): Seed['backup'] {
  return { id, server, endedAt: endedAt.toISOString() };
}

/** Rows by table of the practice database on a node. */
export async function rowCounts(lab: Lab, host: DatabaseHost): Promise<RowCounts> {
  return parseRowCounts(await sql(lab, host, countRows, { database }));
}

/** Adds complete orders after the last one, in several transactions. */
export async function writeOrders(
  lab: Lab,
  leader: DatabaseHost,
  { transactions, ordersEach }: { transactions: number; ordersEach: number },
): Promise<void> {
  const last = Number(await sql(lab, leader, lastOrder, { database }));
  const statements = Array.from({ length: transactions }, (_, index) => {
    const from = last + 1 + index * ordersEach;
    return placeOrders(from, from + ordersEach - 1);
  });
  await sql(lab, leader, statements.join('\n'), { database });
}

function total(counts: RowCounts): number {
  return Object.values(counts).reduce<number>((sum, rows) => sum + (rows ?? 0), 0);
}
