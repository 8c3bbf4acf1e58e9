import { archiveCurrentWal, type BaseBackup, takeBackup } from '../../lab/archive.ts';
import { sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import type { Sizes } from './sizes.ts';

const ROW = 8000;
/** Rows of one statement: about 80 MB. */
const ROWS = 10_000;

// What cannot be compressed: 250 md5 sums make a row, stored as it is.
const TABLE = `create table if not exists filling (id bigserial, bytes text);
alter table filling alter column bytes set storage external`;

function insert(rows: number): string {
  return `insert into filling (bytes) select (select string_agg(md5(random()::text || n || i), '') from generate_series(1, ${ROW / 32}) i) from generate_series(1, ${rows}) n`;
}

async function write(lab: Lab, leader: DatabaseHost, bytes: number): Promise<void> {
  for (let left = Math.ceil(bytes / ROW); left > 0; left -= ROWS)
    await sql(lab, leader, insert(Math.min(left, ROWS)), { deadlineMs: 600_000 });
}

/**
 * Each segment is archived by a process and a login of its own, slower than it is written: what waits for the WAL of a
 * backup, or for the last segment, would give up behind a hundred of them.
 */
async function archived(lab: Lab, leader: DatabaseHost): Promise<void> {
  const waiting = "select count(*) from pg_ls_archive_statusdir() where name like '%.ready'";
  await waitFor({
    what: `the archiver of ${leader} to catch up`,
    deadlineMs: 1_800_000,
    everyMs: 1000,
    attempt: async () => Number(await sql(lab, leader, waiting)),
    done: (segments) => segments === 0,
    describe: (segments) => `${segments} segments still wait for it`,
  });
}

/** What there is to recover: the backup, and the moment in the middle of what was written after it. */
export interface Filled {
  readonly backup: BaseBackup;
  readonly moment: string;
}

/** Fills the leader with data, backs it up, writes as much WAL as is wanted, and archives it. */
export async function fill(lab: Lab, leader: DatabaseHost, { data, wal }: Sizes): Promise<Filled> {
  await sql(lab, leader, TABLE);
  await write(lab, leader, data);
  await archived(lab, leader);
  const backup = await takeBackup(lab, leader);
  await write(lab, leader, wal);
  await archived(lab, leader);
  const moment = await sql(
    lab,
    leader,
    "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'",
  );
  await sql(lab, leader, "insert into filling (bytes) values ('after the moment')");
  await archiveCurrentWal(lab, leader);
  return { backup, moment: moment.trim() };
}
