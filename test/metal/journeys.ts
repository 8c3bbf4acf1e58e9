import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { currentLeader, readMembers, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { walDirectory } from '../../lab/metal/shape.ts';
import { storedVariants } from '../../lab/metal/variants.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { database } from '../../lab/shop.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import type { PitrEvent } from '../../lib/engine/events/events.ts';
import { doctor } from '../doctor/stage.ts';
import { killedAt } from '../faults/killed.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { accidentOn, healthy, inodeOfData, type Scene } from '../support/lab.ts';
import { type PitrResult, pitr, runError, tasksThat } from '../support/pitr.ts';
import { isExamined, isFoundOut } from './looks.ts';
import { postmasterOf } from './metal-lab.ts';

/** A way through a recovery, by inventory alone. */
export const JOURNEYS = {
  'takes the whole cluster over, as --check said': takesOver,
  'recovers in isolation, looks, and rolls back': rollsBack,
  'takes a recovery back with undo': undoes,
  'resumes after the controller was killed': resumes,
  'goes back to the old data after a cut-over, and lets go of what is kept': reverts,
  'is refused before anything is touched': isRefused,
  'has its data moved below the mount, and is taken over then': isMovedBelow,
  'is examined by pitr doctor, which finds nothing wrong': isExamined,
  'is found out by pitr init, and recover.yml runs with what it has written': isFoundOut,
} as const satisfies Readonly<Record<string, (lab: Lab) => Promise<void>>>;

export type Journey = keyof typeof JOURNEYS;

export async function sceneOn(lab: Lab): Promise<Scene> {
  await healthy(lab, 180_000);
  return accidentOn(lab);
}

export function recover(lab: Lab, { target, accident }: Scene, ...more: readonly string[]): string[] {
  const vars = [`target=${target}`, `target_time=${accident.before}`, ...more];
  return ['play', 'recover.yml', '-i', lab.files.metalInventory, ...vars.flatMap((word) => ['-e', word])];
}

export async function run(words: readonly string[], ...more: readonly string[]): Promise<PitrResult> {
  const result = await pitr([...words, '--output', 'json', '--yes', ...more]);
  expect(runError(result.events)).toBeUndefined();
  expect(result.exitCode).toBe(0);
  return result;
}

export async function expectRecovered(lab: Lab, scene: Scene, events: readonly PitrEvent[]): Promise<void> {
  expect(tasksThat('failed', events)).toEqual([]);
  const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
  expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
  // As if Patroni had started it.
  const seen = await postmasterOf(lab, scene.target);
  for (const host of lab.shape.members) expect([host, await walOf(lab, host)]).toEqual([host, walIn(lab)]);
  expect(seen).toMatchObject({
    unit: 'system.slice/patroni.service',
    // What Patroni itself gives to the one that it has started.
    openFiles: (await postmasterOf(lab, scene.leader)).openFiles,
  });
}

async function takesOver(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const words = recover(lab, scene, 'auto_start=true');
  const check = await run(words, '--check');
  const { events } = await run(words);
  expectForeseen(check.events, events);
  await expectRecovered(lab, scene, events);
}

async function rollsBack(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const before = await inodeOfData(lab, scene.target);
  await run(recover(lab, scene));
  await expectIsolated(lab, scene);
  const where = ['-i', lab.files.metalInventory];
  // No terminal, and a login user who may not look into anything.
  const peek = await pitr([
    'peek',
    scene.target,
    ...where,
    '-At',
    '-d',
    'shop',
    '-c',
    'select count(*) from payments',
  ]);
  expect([peek.stdout.trim(), peek.exitCode]).toEqual([String(scene.accident.tables.payments.rowsThen), 0]);
  const status = await pitr(['status', ...where]);
  expect(status.stdout).toMatch(new RegExp(`${scene.leader} +leader`));
  await run(['play', 'rollback.yml', ...where, '-e', `target=${scene.target}`]);
  await expectAsBefore(lab, scene, before);
  // From now on a recovery was tried.
  const { findings } = await doctor(lab.files.metalInventory, ['--only', 'backups.drill']);
  expect(findings).toMatchObject([{ check: 'backups.drill', severity: 'ok' }]);
}

async function undoes(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const before = await inodeOfData(lab, scene.target);
  const { events } = await run(recover(lab, scene));
  const undo = await pitr(['undo', runIdOf(events), '--yes']);
  expect([undo.stderr, undo.exitCode]).toEqual(['', 0]);
  await expectAsBefore(lab, scene, before);
}

async function resumes(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const words = recover(lab, scene, 'auto_start=true');
  const killed = await killedAt({ during: 'Stop the old leader, last', afterMs: 300 }, words);
  expect([killed.error, killed.killed]).toEqual([undefined, true]);
  const { events } = await run(['resume', killed.runId]);
  await expectRecovered(lab, scene, events);
}

async function reverts(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const words = recover(lab, scene, 'auto_start=true');
  const check = await run(words, '--check');
  const { events } = await run(words);
  expectForeseen(check.events, events);
  await expectRecovered(lab, scene, events);
  const runs = [runIdOf(events)];
  const back = ['play', 'revert.yml', '-i', lab.files.metalInventory];
  const { events: reverted } = await run([
    ...back,
    ...['-e', `recovery_run=${runs[0]}`, '-e', `leader=${scene.leader}`],
  ]);
  runs.push(runIdOf(reverted));
  await healthy(lab, 180_000);
  expect(await currentLeader(lab)).toBe(scene.leader);
  const { rowsNow } = scene.accident.tables.payments;
  expect(await rowsOf(lab, scene.leader)).toBe(String(rowsNow));
  for (const runId of runs) {
    const commit = await pitr(['commit', runId, '--yes']);
    expect([commit.stderr, commit.exitCode]).toEqual(['', 0]);
  }
  for (const host of lab.shape.members) {
    const { stdout } = await lab.exec(host, ['sh', '-c', `ls -d ${lab.shape.dataDirectory(host)}.*`]);
    expect([host, stdout]).toEqual([host, '']);
  }
  await healthy(lab, 180_000);
}

async function rowsOf(lab: Lab, host: DatabaseHost): Promise<string> {
  return (await sql(lab, host, 'select count(*) from payments', { database })).trim();
}

/** With --check and without, in the first plays: what cannot be renamed. */
async function isRefused(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const before = await inodeOfData(lab, scene.target);
  for (const more of [[], ['--check']]) {
    const words = [...recover(lab, scene, 'auto_start=true'), '--output', 'json', '--yes', ...more];
    const { events } = await pitr(words);
    expect(runError(events)?.code).toBe('data-is-mount-point');
    expect(runError(events)?.next?.length ?? 0).toBeGreaterThan(1);
    expect(tasksThat('changed', events)).toEqual([]);
  }
  await expectAsBefore(lab, scene, before);
}

/** Where a lab is whose data has moved below its mount point, and the inventory that says so. */
async function below(lab: Lab): Promise<Lab> {
  const place = `${lab.shape.dataDirectory('db1')}/data`;
  const inventory = lab.files.metalInventory.replace(/\.yml$/, '-below.yml');
  const text = await readFile(lab.files.metalInventory, 'utf8');
  await writeFile(inventory, text.replace(/^( *pgdata:).*$/m, `$1 ${place}`));
  return {
    ...lab,
    shape: { ...lab.shape, dataDirectory: () => place },
    files: { ...lab.files, metalInventory: inventory },
  };
}

/** What data-below-mount.yml may touch of a node, but for what PostgreSQL itself writes. */
async function laidOut(lab: Lab): Promise<readonly string[]> {
  const script =
    'ls -A "$1" | grep -v -e "^postmaster" -e "^backup_label" -e "^standby.signal"; stat -c "%a %U %n" "$1" "$2"; sha256sum "$2"';
  const data = lab.shape.dataDirectory('db1');
  const look = (host: DatabaseHost) =>
    lab.mustExec(host, ['sh', '-c', script, 'sh', data, lab.shape.patroniConfig]);
  return Promise.all(lab.shape.members.map(look));
}

/** Killed in the middle and taken back; killed in the middle and gone on with; then recovered where it is by then. */
async function isMovedBelow(lab: Lab): Promise<void> {
  // Its backup says the old place in its own configuration.
  const scene = await sceneOn(lab);
  const members = lab.shape.members;
  const data = lab.shape.dataDirectory('db1');
  for (const host of members) {
    const made = ['install', '-d', '-o', 'postgres', '-m', '700', `${data}/lost+found`];
    await lab.mustExec(host, made);
  }
  const { leader } = scene;
  const before = await laidOut(lab);
  const words = ['play', 'data-below-mount.yml', '-i', lab.files.metalInventory];
  const check = await run(words, '--check');
  expect(await laidOut(lab)).toEqual(before);

  const first = await killedAt({ during: 'Start the member there', afterMs: 1000 }, words);
  expect([first.error, first.killed]).toEqual([undefined, true]);
  expect(await laidOut(lab)).not.toEqual(before);
  const undo = await pitr(['undo', first.runId, '--yes']);
  expect([undo.stderr, undo.exitCode]).toEqual(['', 0]);
  await healthy(lab, 180_000);
  expect([await currentLeader(lab), await laidOut(lab)]).toEqual([leader, before]);

  const second = await killedAt({ during: 'Move its data into the directory below', afterMs: 500 }, words);
  expect([second.error, second.killed]).toEqual([undefined, true]);
  const { events } = await run(['resume', second.runId]);
  expect(tasksThat('failed', events)).toEqual([]);
  const all = [...second.events, ...events];
  expect(tasksThat('changed', all)).toEqual(expect.arrayContaining([...tasksThat('changed', check.events)]));
  const moved = await below(lab);
  await healthy(moved, 180_000);
  expect(await currentLeader(lab)).not.toBe(leader);
  for (const host of members) {
    expect((await lab.mustExec(host, ['ls', '-A', data])).trim()).toBe('data\nlost+found');
    const facts = await lab.mustExec(host, ['stat', '-c', '%a %U', `${data}/data`]);
    expect(facts.trim()).toBe('700 postgres');
  }

  // An inventory that still says the old place.
  for (const [old, code] of [
    [words, 'data-moved-already'],
    [
      ['play', 'recover.yml', '-i', lab.files.metalInventory, '-e', 'target=db1', '-e', 'auto_start=true'],
      'data-not-in-mount-point',
    ],
  ] as const) {
    const refused = await pitr([...old, '--output', 'json', '--yes']);
    expect(runError(refused.events)?.code).toBe(code);
    expect(tasksThat('changed', refused.events)).toEqual([]);
  }
  const led = await currentLeader(moved);
  const target = members.find((host) => host !== leader && host !== led) ?? scene.target;
  const { events: recovered } = await run(recover(moved, { ...scene, target }, 'auto_start=true'));
  await expectRecovered(moved, { ...scene, target }, recovered);
}

/** The login that started it has ended: it runs on all the same, with the limits of the service. */
async function expectIsolated(lab: Lab, { target, leader }: Scene): Promise<void> {
  const seen = await postmasterOf(lab, target);
  expect(seen.unit).toMatch(/^system\.slice\/pitr-postgresql-[0-9a-f]+\.service$/);
  expect(seen.openFiles).toEqual((await postmasterOf(lab, leader)).openFiles);
  expect(await currentLeader(lab)).toBe(leader);
  await waitFor({
    what: `the sessions of ${target} to end`,
    deadlineMs: 30_000,
    attempt: () => lab.exec(target, ['loginctl', 'list-sessions', '--no-legend']),
    done: ({ stdout }) => stdout.trim() === '',
    describe: ({ stdout }) => stdout.trim(),
  });
  expect(await postmasterOf(lab, target)).toEqual(seen);
}

/** What pg_wal is on every node of this lab. */
function walIn(lab: Lab): string {
  const linked = storedVariants(lab.files.metalVariants)?.waldir === 'link';
  return linked ? walDirectory : `${lab.shape.dataDirectory('db1')}/pg_wal`;
}

async function walOf(lab: Lab, host: DatabaseHost): Promise<string> {
  return (await lab.mustExec(host, ['readlink', '-f', `${lab.shape.dataDirectory(host)}/pg_wal`])).trim();
}

export async function expectAsBefore(lab: Lab, scene: Scene, inode: string): Promise<void> {
  await healthy(lab, 180_000);
  expect(await inodeOfData(lab, scene.target)).toBe(inode);
  expect(await walOf(lab, scene.target)).toBe(walIn(lab));
  const timelines = (await readMembers(lab)).map(({ timeline }) => timeline);
  expect(new Set(timelines)).toEqual(new Set([scene.timeline]));
}

export function runIdOf(events: readonly PitrEvent[]): string {
  const started = events.find((event) => event.type === 'run.started');
  if (started === undefined) throw new Error('no run was started');
  return started.runId;
}
