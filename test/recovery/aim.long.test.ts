import { beforeAll, describe, expect, it } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { type DatabaseHost, databaseHosts, dataDirectory, postgresBin } from '../../lab/topology.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { chosenInventory, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError, tasksThat } from '../support/pitr.ts';

let lab: Lab;
let target: DatabaseHost;

/** What was written, one transaction each, and where. */
interface Story {
  /** Wrote the second row. */
  readonly secondXid: string;
  /** After the third row's commit, before anything else. */
  readonly afterThird: string;
  readonly beforeDrop: string;
}
let story: Story;

const MOMENT = `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'`;

beforeAll(async () => {
  lab = await sharedLab();
  await labSeed(lab, silent);
  const leader = await currentLeader(lab);
  target = databaseHosts.filter((host) => host !== leader).at(-1) ?? 'db2';
  const write = (statement: string) => sql(lab, leader, statement, { database: 'shop' });
  await write('drop table if exists aimed, dropped');
  await write('create table aimed (row int)');
  await write('create table dropped as select generate_series(1, 7) as row');
  await write('insert into aimed values (1)');
  await write(`select pg_create_restore_point('nach der ersten "Zeile"')`);
  const secondXid = await write('insert into aimed values (2) returning pg_current_xact_id()');
  await write('insert into aimed values (3)');
  const afterThird = await write('select pg_current_wal_insert_lsn()');
  const beforeDrop = await write(MOMENT);
  await write('drop table dropped');
  await write('insert into aimed values (4)');
  await archiveCurrentWal(lab, leader);
  story = {
    secondXid: secondXid.trim(),
    afterThird: afterThird.trim(),
    beforeDrop: beforeDrop.trim(),
  };
});

/** Questions that must be answered at once: a lock that is held for ever would block them. */
async function there(question: string): Promise<string> {
  const answer = await lab.mustExec(
    target,
    [
      ...['env', 'PGOPTIONS=-c lock_timeout=2s -c statement_timeout=5s', `${postgresBin}/psql`, '-XAtq'],
      ...['-h', `${dataDirectory(target)}.pitr-run`, '-p', '5431', '-d', 'shop', '-c', question],
    ],
    { user: 'postgres' },
  );
  return answer.trim();
}

const rows = `select string_agg(row::text, ' ' order by row) from aimed`;

async function play(
  playbook: string,
  vars: Readonly<Record<string, string>>,
  ...more: string[]
): Promise<PitrResult> {
  const extra = Object.entries({ target, ...vars }).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  const inventory = chosenInventory(lab);
  const run = await pitr(['play', playbook, '-i', inventory, '--output', 'json', '--yes', ...extra, ...more]);
  expect(runError(run.events)).toBeUndefined();
  expect(run.exitCode).toBe(0);
  return run;
}

/** Recovers, answers a question there, and takes it back. */
async function recovered(vars: Readonly<Record<string, string>>, question = rows): Promise<string> {
  await play('recover.yml', vars);
  try {
    return await there(question);
  } finally {
    await play('rollback.yml', {});
  }
}

describe('a recovery stops exactly', () => {
  it.each([
    ['after a transaction', () => ({ target_xid: story.secondXid }), '1 2'],
    ['before a transaction', () => ({ target_xid: story.secondXid, inclusive: 'false' }), '1'],
    ['before a position', () => ({ target_lsn: story.afterThird, inclusive: 'false' }), '1 2 3'],
    ['at a restore point', () => ({ target_name: 'nach der ersten "Zeile"' }), '1'],
  ])('%s', async (_, vars, expected) => {
    expect(await recovered(vars())).toBe(expected);
  });

  it('at the end of the backup', async () => {
    expect(
      await recovered(
        { target_immediate: 'true' },
        `select to_regclass('aimed') is null and to_regclass('orders') is not null`,
      ),
    ).toBe('t');
  });

  it('right before a DROP TABLE commits, where the table can be read, since the aim has moved to before its lock', async () => {
    const question = `select (select count(*) from dropped) || ': ' || (${rows})`;
    expect(await recovered({ target_time: story.beforeDrop }, question)).toBe('7: 1 2 3');
  });

  it('at a time after the last commit, since the leader writes a marker, and --check said so', async () => {
    // Five minutes after it the leader closes the next segment by itself: not between the two runs.
    await archiveCurrentWal(lab, await currentLeader(lab));
    const end = (await sql(lab, await currentLeader(lab), MOMENT, { database: 'shop' })).trim();
    const check = await play('recover.yml', { target_time: end }, '--check');
    const run = await play('recover.yml', { target_time: end });
    expectForeseen(check.events, run.events);
    expect(tasksThat('changed', run.events)).toContain(
      `${target}: Let the leader write a commit after the moment`,
    );
    expect(await there(rows)).toBe('1 2 3 4');
    await play('rollback.yml', {});
  });
});

describe('what cannot be reached is refused before anything is touched', () => {
  it.each([
    [
      'a time after the last commit without a marker',
      () => ({ target_time: '+now', marker: 'false' }),
      'target-after-last-archived',
    ],
    [
      'a restore point that does not exist',
      () => ({ target_name: 'nach der ersten Zeile' }),
      'target-not-found',
    ],
    ['a position that nobody has written yet', () => ({ target_lsn: '7F/0' }), 'target-not-written'],
    ['two targets', () => ({ target_xid: '1000', target_lsn: '0/5000000' }), 'target-ambiguous'],
  ])('%s', async (_, vars, code) => {
    const leader = await currentLeader(lab);
    const wanted = Object.entries(vars()).map(async ([name, value]) => {
      const real = value === '+now' ? (await sql(lab, leader, MOMENT, { database: 'shop' })).trim() : value;
      return ['-e', `${name}=${real}`];
    });
    const extra = (await Promise.all(wanted)).flat();
    const inventory = chosenInventory(lab);
    const run = await pitr([
      'play',
      'recover.yml',
      '-i',
      inventory,
      '--output',
      'json',
      '--yes',
      '-e',
      `target=${target}`,
      ...extra,
    ]);
    expect(runError(run.events)?.code).toBe(code);
    expect(tasksThat('changed', run.events)).toEqual([]);
  });
});
