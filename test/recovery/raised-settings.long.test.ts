import { afterAll, beforeAll, expect, it } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { type DatabaseHost, databaseHosts, dataDirectory, postgresBin } from '../../lab/topology.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { setParameters } from '../support/parameters.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let leader: DatabaseHost;
let target: DatabaseHost;
let usual: string;
let raised: string;
/** After the second row, which was written once the setting had been raised. */
let moment: string;

function setMaxConnections(value: string): Promise<void> {
  return setParameters(lab, leader, { max_connections: value }, { max_connections: value });
}

const write = (statement: string) => sql(lab, leader, statement, { database: 'shop' });

beforeAll(async () => {
  lab = await sharedLab();
  await labSeed(lab, silent);
  leader = await currentLeader(lab);
  target = databaseHosts.filter((host) => host !== leader).at(0) ?? 'db2';
  usual = (await sql(lab, leader, 'show max_connections')).trim();
  raised = String(Number(usual) + 50);
  await write('drop table if exists raised');
  await write('create table raised (row int)');
  await write('insert into raised values (1)');
  await setMaxConnections(raised);
  await write('insert into raised values (2)');
  moment = (
    await write(`select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`)
  ).trim();
  await write('insert into raised values (3)');
  await archiveCurrentWal(lab, leader);
});

afterAll(() => setMaxConnections(usual));

async function run(...args: string[]) {
  const done = await pitr([...args, '--output', 'json', '--yes']);
  const started = done.events.find((event) => event.type === 'run.started');
  return { ...done, error: runError(done.events), runId: started?.runId ?? '' };
}

const play = (playbook: string, ...extra: string[]) =>
  run(
    ...['play', playbook, '-i', chosenInventory(lab), '-e', `target=${target}`],
    ...extra.flatMap((one) => ['-e', one]),
  );

async function there(question: string): Promise<string> {
  const answer = await lab.mustExec(
    target,
    [
      ...[`${postgresBin}/psql`, '-XAtq', '-h', `${dataDirectory(target)}.pitr-run`, '-p', '5431'],
      ...['-d', 'shop', '-c', question],
    ],
    { user: 'postgres' },
  );
  return answer.trim();
}

const rows = `select string_agg(row::text, ' ' order by row) from raised`;

it('a recovery replays past the record by which max_connections was raised after the backup', async () => {
  const recovered = await play('recover.yml', `target_time=${moment}`);
  expect(recovered.error).toBeUndefined();
  expect(await there(rows)).toBe('1 2');
  expect(await there('show max_connections')).toBe(raised);
  expect((await play('rollback.yml')).error).toBeUndefined();
});

it('where nobody knows of it any more replay says so, and goes on once the operator has raised it', async () => {
  await setMaxConnections(usual);
  const stopped = await play('recover.yml', `target_time=${moment}`);
  expect(stopped.error).toMatchObject({ code: 'settings-too-low' });

  const still = await run('resume', stopped.runId);
  expect(still.error).toMatchObject({ code: 'postgres-did-not-start' });

  const conf = `${dataDirectory(target)}/postgresql.auto.conf`;
  const add = ['sh', '-c', 'echo "max_connections = $1" >> "$2"', 'sh', raised, conf];
  await lab.mustExec(target, add, { user: 'postgres' });
  const resumed = await run('resume', stopped.runId);
  expect(resumed.error).toBeUndefined();
  expect(await there(rows)).toBe('1 2');

  const over = await play('cutover.yml', 'new_backup=false');
  expect(over.error).toBeUndefined();
  leader = target;
  await healthy(lab);
  expect(await write(rows)).toContain('1 2');
  const left = await lab.mustExec(target, ['cat', conf], { user: 'postgres' });
  expect(left).not.toContain('max_connections');
});
