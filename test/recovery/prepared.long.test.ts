import { afterAll, beforeAll, expect, it } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { type DatabaseHost, databaseHosts, dataDirectory } from '../../lab/topology.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { setParameters } from '../support/parameters.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let leader: DatabaseHost;
let target: DatabaseHost;
/** While a transaction is prepared that has locked a table. */
let moment: string;
let usual: string;

const write = (statement: string) => sql(lab, leader, statement, { database: 'shop' });

/** Raised after the backup, by so much that what is prepared does not fit into what the backup says. */
beforeAll(async () => {
  lab = await sharedLab();
  leader = await currentLeader(lab);
  target = databaseHosts.filter((host) => host !== leader).at(0) ?? 'db2';
  expect(await sql(lab, leader, 'show logging_collector')).toBe('on');
  usual = await sql(lab, leader, 'show max_prepared_transactions');
  await labSeed(lab, silent);
  const raised = { max_prepared_transactions: String(Number(usual) + 5) };
  await setParameters(lab, leader, raised, raised);
  await write('drop table if exists undecided, gone_since');
  await write('create table undecided (row int); create table gone_since (row int)');
  await write(
    `begin; lock table undecided, gone_since; insert into undecided values (1); prepare transaction 'it''s open'`,
  );
  await write('create table if not exists decided (row int)');
  moment = await write(
    `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`,
  );
  await write(`commit prepared 'it''s open'`);
  await write('drop table gone_since');
  await archiveCurrentWal(lab, leader);
});

afterAll(async () => {
  // Where one has not come to an end; refused where nothing waits.
  for (const host of databaseHosts) await run('play', 'rollback.yml', '-e', `target=${host}`);
  await healthy(lab);
  leader = await currentLeader(lab);
  await write(`rollback prepared 'it''s open'`).catch(() => undefined);
  await setParameters(lab, leader, { max_prepared_transactions: null }, { max_prepared_transactions: usual });
});

async function run(...args: string[]) {
  const done = await pitr([...args, '-i', chosenInventory(lab), '--output', 'json', '--yes']);
  const started = done.events.find((event) => event.type === 'run.started');
  return { ...done, error: runError(done.events), runId: started?.runId ?? '' };
}

const told = {
  gid: "it's open",
  owner: 'postgres',
  database: 'shop',
  locks: expect.arrayContaining([
    { table: 'undecided', mode: 'AccessExclusiveLock' },
    { table: 'gone_since', mode: 'AccessExclusiveLock' },
  ]),
};

it('names what is prepared at the moment: in the plan, and at the end with the commands that decide it', async () => {
  const recovered = await run(
    ...['play', 'recover.yml', '-e', `target=${target}`, '-e', `target_time=${moment}`],
  );
  expect(recovered.error).toBeUndefined();
  const messages = (events: typeof recovered.events): string =>
    events.flatMap((event) => (event.type === 'host.result' ? [event.message ?? ''] : [])).join('\n');
  const plan = messages(recovered.events);
  expect(plan).toMatch(/transaction "it's open" is prepared/);
  expect(plan).toMatch(/stay locked after the promotion/);
  // By the leader's catalogues; a table that is gone there keeps its number.
  expect(plan).toContain(
    `by the names that ${leader} has for it now: "it's open" in database shop, prepared by postgres at`,
  );
  const named = plan.split('\n').find((line) => line.includes('by the names that')) ?? '';
  expect(named).toContain('undecided (AccessExclusiveLock)');
  expect(named).toMatch(/relation \d+ \(AccessExclusiveLock\)/);
  expect(named).not.toContain('gone_since');

  // Its own postgresql.conf knows nothing of what was raised; the first start that fails must say why.
  const over = await run('play', 'cutover.yml', '-e', `target=${target}`, '-e', 'new_backup=false');
  expect(over.error).toBeUndefined();
  leader = target;
  const found = over.events.flatMap((event) =>
    event.type === 'host.result' && event.task.module === 'postgres.prepared' ? [event.result] : [],
  );
  expect(found.at(-1)).toMatchObject({ transactions: [expect.objectContaining(told)] });
  const ending = messages(over.events);
  expect(ending).toMatch(/^ +\/\S*psql .*'commit prepared /m);
  const command = /^ +(\/\S*psql .*rollback prepared .*)$/m.exec(ending)?.[1];
  expect(command).toBeDefined();
  await lab.mustExec(target, ['sh', '-c', command ?? 'false'], { user: 'postgres' });
  expect(await write('select count(*) from undecided')).toBe('0');
  expect(await sql(lab, target, 'select count(*) from pg_prepared_xacts')).toBe('0');
});

it('a start that fails tells why, although a collector has taken the log', async () => {
  const node = databaseHosts.find((host) => host !== leader) ?? 'db3';
  const on = ['-e', `target=${node}`];
  const recovered = await run('play', 'recover.yml', ...on, '-e', 'target_time=latest');
  expect(recovered.error).toBeUndefined();
  // Read by the start for the cut-over alone: the isolated instance runs already.
  const breakIt = `echo "shared_preload_libraries = 'nowhere'" >> ${dataDirectory(node)}/postgresql.conf`;
  await lab.mustExec(node, ['sh', '-c', breakIt], { user: 'postgres' });
  const over = await run('play', 'cutover.yml', ...on, '-e', 'new_backup=false');
  expect(over.error).toMatchObject({ code: 'postgres-did-not-start' });
  expect(over.error?.message).toContain('could not access file "nowhere"');
  expect((await run('play', 'rollback.yml', ...on)).error).toBeUndefined();
});
