import { archiveCurrentWal, finishedBackups } from './archive.ts';
import { currentLeader, sql } from './cluster.ts';
import { LabError } from './error.ts';
import type { Lab } from './lab.ts';
import type { Report } from './progress.ts';
import { describeBackup, rowCounts, type Seed, writeOrders } from './seed.ts';
import { database, lastOrder, placeBareOrders, type Table, tables } from './shop.ts';
import type { DatabaseHost } from './topology.ts';

const mistakes = ['DELETE FROM payments', 'DROP TABLE order_lines'] as const;

/** What `accident --json` prints. */
export interface Accident {
  readonly prefix: string;
  readonly cluster: string;
  readonly database: string;
  readonly leader: DatabaseHost;
  /** The moment to go back to: ISO with offset and microseconds, with commits before and after it. */
  readonly before: string;
  /** The statements that did it, and when the last of them had committed. */
  readonly statements: readonly string[];
  readonly after: string;
  /** The newest base backup that ended before that moment. */
  readonly backup: Seed['backup'];
  /** Rows by table at that moment and now; null where the table is gone. */
  readonly tables: Record<Table, { readonly rowsThen: number | null; readonly rowsNow: number | null }>;
  /** The last WAL segment proved to be in Barman's archive: it holds a commit after the accident. */
  readonly lastArchivedWal: string;
}

/**
 * Does to the seeded database what people do, between two stretches of ordinary work, and proves
 * that the WAL of all of it is archived, so that the moment before can be reached. Throws a LabError
 * when the lab is not seeded or the accident has happened already.
 */
export async function labAccident(lab: Lab, report: Report): Promise<Accident> {
  const leader = await currentLeader(lab);
  await refuseUnlessWhole(lab, leader);
  await writeOrders(lab, leader, { transactions: 5, ordersEach: 10 });
  const then = await rowCounts(lab, leader);
  const before = await momentOfQuiet(lab, leader);
  report(`all is well at ${before}`);
  for (const statement of mistakes) await sql(lab, leader, statement, { database });
  const after = await momentOfQuiet(lab, leader);
  report(`${mistakes.join('; ')}`);
  await writeBareOrders(lab, leader);
  const lastArchivedWal = await archiveCurrentWal(lab, leader);
  const now = await rowCounts(lab, leader);
  report(`the shop went on; WAL archived up to ${lastArchivedWal}`);
  return {
    prefix: lab.prefix,
    cluster: lab.shape.cluster,
    database,
    leader,
    before,
    statements: mistakes,
    after,
    backup: await backupBefore(lab, new Date(before)),
    tables: Object.fromEntries(
      tables.map((table) => [table, { rowsThen: then[table], rowsNow: now[table] }]),
    ) as Accident['tables'],
    lastArchivedWal,
  };
}

async function refuseUnlessWhole(lab: Lab, leader: DatabaseHost): Promise<void> {
  const seeded = await sql(lab, leader, `select 1 from pg_database where datname = '${database}'`);
  if (seeded === '') {
    throw new LabError(`there is no database ${database} to harm: run \`npm run lab -- seed\` first`);
  }
  const counts = await rowCounts(lab, leader);
  const harmed = tables.filter((table) => !counts[table]);
  if (harmed.length > 0) {
    throw new LabError(
      `the accident has happened already (${harmed.join(' and ')} empty or gone): recover the cluster, or run \`npm run lab -- seed\` again`,
    );
  }
}

/** The server's clock, in a pause of 400 ms without commits on either side. */
async function momentOfQuiet(lab: Lab, leader: DatabaseHost): Promise<string> {
  const format = 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"';
  const pause = 'select from pg_sleep(0.4);';
  const clock = `select to_char(clock_timestamp() at time zone 'UTC', '${format}');`;
  return sql(lab, leader, `${pause}\n${clock}\n${pause}`);
}

async function writeBareOrders(lab: Lab, leader: DatabaseHost): Promise<void> {
  const last = Number(await sql(lab, leader, lastOrder, { database }));
  const statements = Array.from({ length: 5 }, (_, index) =>
    placeBareOrders(last + 1 + index * 5, last + 5 + index * 5),
  );
  await sql(lab, leader, statements.join('\n'), { database });
}

async function backupBefore(lab: Lab, moment: Date): Promise<Seed['backup']> {
  const backup = (await finishedBackups(lab)).filter(({ endedAt }) => endedAt < moment).at(-1);
  if (!backup)
    throw new LabError('Barman has no backup from before the accident: run `npm run lab -- seed` again');
  return describeBackup(backup);
}
