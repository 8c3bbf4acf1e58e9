import { afterAll, beforeAll, expect, it } from 'vitest';
import { labAccident } from '../../lab/accident.ts';
import { takeBackup } from '../../lab/archive.ts';
import { currentLeader, readMembers, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { labSeed } from '../../lab/seed.ts';
import { database } from '../../lab/shop.ts';
import { type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { asBefore, inIsolation, rowsThen, stateBefore } from '../faults/cluster-state.ts';
import { chosenInventory, healthy, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, tasksThat } from '../support/pitr.ts';
import { type Played, play } from '../support/play.ts';

/** What each tablespace holds. The accident empties the one table, and people go on writing into the other. */
const SPACES = { fast: 'payments', slow: 'orders' } as const;
const NAMES = Object.keys(SPACES);
/** PostgreSQL's user may make directories here, on every node. */
const PARENT = '/var/lib/postgresql/spaces';
const oldPlace = (name: string): string => `${PARENT}/${name}`;
const newPlace = (name: string): string => `${PARENT}/${name}.pitr`;

let lab: Lab;
let scene: Scene;

beforeAll(async () => {
  lab = await sharedLab();
  await healthy(lab);
  const leader = await currentLeader(lab);
  // On every node, before the leader tells them to use them.
  for (const host of databaseHosts)
    for (const place of [PARENT, ...NAMES.map(oldPlace)])
      await lab.mustExec(host, ['install', '-d', '-o', 'postgres', '-g', 'postgres', '-m', '700', place]);
  for (const name of NAMES) await sql(lab, leader, `create tablespace ${name} location '${oldPlace(name)}'`);
  await labSeed(lab, silent);
  for (const [name, table] of Object.entries(SPACES))
    await sql(lab, leader, `alter table ${table} set tablespace ${name}`, { database });
  // The first that holds something of them.
  await takeBackup(lab, leader);
  const accident = await labAccident(lab, silent);
  const timelines = (await readMembers(lab)).map(({ timeline }) => timeline ?? 0);
  const target = databaseHosts.find((host) => host !== leader) ?? leader;
  scene = { accident, leader, target, timeline: Math.max(...timelines) };
});

// Every later suite would have them in its backups.
afterAll(async () => {
  await healthy(lab);
  const leader = await currentLeader(lab);
  await sql(lab, leader, `drop database if exists ${database} with (force)`);
  for (const name of NAMES) await sql(lab, leader, `drop tablespace if exists ${name}`);
  for (const host of databaseHosts) await lab.mustExec(host, ['rm', '-rf', PARENT]);
});

const on = (
  playbook: string,
  vars: Readonly<Record<string, string>>,
  ...more: readonly string[]
): Promise<Played> => play(chosenInventory(lab), playbook, { target: scene.target, ...vars }, ...more);

function recover(vars: Readonly<Record<string, string>> = {}): Promise<Played> {
  const { backup, before } = scene.accident;
  const tablespaces = Object.fromEntries(NAMES.map((name) => [name, newPlace(name)]));
  const aim = { backup: backup.id, target_time: before };
  return on('recover.yml', { ...aim, ...vars }, '-e', JSON.stringify({ tablespaces }));
}

const PLACES = `select string_agg(spcname || ' ' || pg_tablespace_location(oid), ', ' order by spcname)
  from pg_tablespace where spcname in (${NAMES.map((name) => `'${name}'`).join(', ')})`;
const placesNow = NAMES.map((name) => `${name} ${newPlace(name)}`).join(', ');

/** What lies where the tablespaces are, new and old. */
async function listed(host: DatabaseHost): Promise<readonly string[]> {
  return (await lab.mustExec(host, ['ls', '-A', PARENT])).trim().split('\n').sort();
}

it('a backup with tablespaces is not cut over to in the same run, which is said before anything is touched', async () => {
  const before = await stateBefore(lab, scene.target);
  const refused = await recover({ auto_start: 'true' });
  expect(refused.error).toMatchObject({ kind: 'refused', code: 'tablespaces-and-cutover' });
  expect(tasksThat('changed', refused.events)).toEqual([]);
  await asBefore(lab, scene, before, 'after the refusal');
});

it('its tablespaces are restored at new places beside the old ones, and an undo removes them', async () => {
  const before = await stateBefore(lab, scene.target);
  const recovered = await recover();
  expect(recovered.error).toBeUndefined();
  expect(await inIsolation(lab, scene.target, PLACES)).toBe(placesNow);
  expect(await inIsolation(lab, scene.target, 'select count(*) from payments')).toBe(rowsThen(scene));
  const orders = await inIsolation(lab, scene.target, 'select count(*) from orders');
  expect(Number(orders)).toBe(scene.accident.tables.orders.rowsThen);

  const undo = await pitr(['undo', recovered.runId, '--yes']);
  expect([undo.stderr, undo.exitCode]).toEqual(['', 0]);
  expect(await listed(scene.target)).toEqual(NAMES);
  await asBefore(lab, scene, before, 'after undo');
});

it('rollback.yml leaves them where they are, to be removed by hand', async () => {
  const inode = await inodeOfData(lab, scene.target);
  expect((await recover()).error).toBeUndefined();
  expect((await on('rollback.yml', {})).error).toBeUndefined();
  await healthy(lab);
  expect(await inodeOfData(lab, scene.target)).toBe(inode);
  expect(await listed(scene.target)).toEqual([...NAMES, ...NAMES.map((name) => `${name}.pitr`)].sort());

  const again = await recover();
  expect(again.error).toMatchObject({ kind: 'refused', code: 'tablespace-place-in-use' });
  expect(tasksThat('changed', again.events)).toEqual([]);
  await lab.mustExec(scene.target, ['rm', '-rf', ...NAMES.map(newPlace)]);
});

it('cutover.yml gives every member the tablespaces at the places that they have on the target', async () => {
  expect((await recover()).error).toBeUndefined();
  const over = await on('cutover.yml', { new_backup: 'false' });
  expect(over.error).toBeUndefined();
  const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
  expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
  for (const host of databaseHosts) {
    expect([host, await sql(lab, host, PLACES)]).toEqual([host, placesNow]);
    // What is kept of the old data has its own.
    expect([host, await listed(host)]).toEqual([
      host,
      [...NAMES, ...NAMES.map((name) => `${name}.pitr`)].sort(),
    ]);
  }
});
