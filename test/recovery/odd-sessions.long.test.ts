import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { archiveCurrentWal, takeBackup } from '../../lab/archive.ts';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { clockOff } from '../support/clock-off.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError } from '../support/pitr.ts';

const HOUR_MS = 3_600_000;
/** What every session of the superuser begins with, unless it says otherwise. */
const ODD = {
  datestyle: 'German',
  intervalstyle: 'sql_standard',
  timezone: 'Pacific/Kiritimati',
  search_path: 'nowhere',
  default_transaction_read_only: 'on',
  statement_timeout: '200ms',
} as const;
/** For the test itself: these are sessions of the superuser, too. */
const PLAIN =
  'set statement_timeout = 0; set default_transaction_read_only = off; set search_path = public;\n';

let lab: Lab;
let leader: DatabaseHost;
let target: DatabaseHost;
let moment: string;
let folder: string;

function recover(env: Readonly<Record<string, string>>, ...more: readonly string[]): Promise<PitrResult> {
  const vars = { target, target_time: moment, auto_start: true, new_backup: false, verify: VERIFY };
  return pitr(
    [
      ...['play', 'recover.yml', '-i', chosenInventory(lab), '--output', 'json', '--yes'],
      ...['-e', JSON.stringify(vars), ...more],
    ],
    env,
  );
}

const VERIFY = [{ name: 'both rows', sql: 'select count(*) from public.odd', expect: 2 }];

/** What the plan says of the moment and how it is reached, and when the run said it by its own clock. */
function planOf({ events, stderr }: PitrResult): { readonly plan: string; readonly time: number } {
  const told = events.find((event) => event.type === 'host.result' && event.task.name === 'The plan');
  const runId = events.find((event) => event.type === 'run.started')?.runId;
  if (told?.type !== 'host.result' || runId === undefined) throw new Error(`no plan: ${stderr}`);
  return { plan: JSON.stringify(told).replaceAll(runId, 'R'), time: told.time };
}

beforeAll(async () => {
  lab = await sharedLab();
  await healthy(lab);
  folder = await mkdtemp(join(tmpdir(), 'pitr-clock-'));
  leader = await currentLeader(lab);
  target = databaseHosts.find((host) => host !== leader) ?? 'db2';
  await sql(lab, leader, 'drop table if exists odd; create table odd (row text)');
  const settings = Object.entries(ODD).map(
    ([name, value]) => `alter role postgres set ${name} = '${value}';`,
  );
  await sql(lab, leader, settings.join('\n'));
  await takeBackup(lab, leader);
  await sql(lab, leader, `${PLAIN}insert into odd values ('a'), ('b');`);
  moment = await sql(
    lab,
    leader,
    `${PLAIN}select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00';`,
  );
  await sql(lab, leader, `${PLAIN}delete from odd;`);
  await archiveCurrentWal(lab, leader);
});

afterAll(async () => {
  await pitr([...['play', 'rollback.yml', '-i', chosenInventory(lab), '--yes', '-e', `target=${target}`]]);
  await sql(
    lab,
    await currentLeader(lab),
    `${PLAIN}alter role postgres reset all; drop table if exists odd;`,
  );
  await rm(folder, { recursive: true });
  await healthy(lab);
});

it('what the role of the superuser sets for its sessions, and a clock of the controller that is an hour off, stand in no way', async () => {
  expect(await sql(lab, leader, 'show datestyle')).toContain('German');
  const right = await recover({}, '--check');
  expect(runError(right.events)).toBeUndefined();
  const { plan, time } = planOf(right);
  for (const hours of [-1, 1]) {
    const off = planOf(await recover(await clockOff(folder, hours), '--check'));
    // It is off indeed.
    expect(Math.abs(off.time - time - hours * HOUR_MS)).toBeLessThan(HOUR_MS / 2);
    expect(off.plan.replaceAll(String(off.time), '')).toBe(plan.replaceAll(String(time), ''));
  }

  // By a clock that is behind the moment has not come yet.
  const run = await recover(await clockOff(folder, -1));
  expect(runError(run.events)).toBeUndefined();
  expectForeseen(right.events, run.events);
  expect(await currentLeader(lab)).toBe(target);
  const rows = `${PLAIN}select string_agg(row, ' ' order by row) from public.odd;`;
  for (const host of databaseHosts) expect([host, await sql(lab, host, rows)]).toEqual([host, 'a b']);
  expect(await sql(lab, target, `${PLAIN}select setconfig from pg_db_role_setting;`)).toContain('German');
});
