import { randomUUID } from 'node:crypto';
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
import { accidentOn, healthy, inodeOfData, type Scene } from '../support/lab.ts';
import { type PitrResult, pitr, runError, tasksThat } from '../support/pitr.ts';
import { postmasterOf } from './metal-lab.ts';

/** What journeys have in common. */

/** An accident on a healthy cluster; the target is a replica, or that very node, which does not lead then. */
export async function sceneOn(lab: Lab, target?: DatabaseHost): Promise<Scene> {
  await healthy(lab, 180_000);
  if (target === undefined) return accidentOn(lab);
  if ((await currentLeader(lab)) === target) await handOver(lab, target);
  return { ...(await accidentOn(lab)), target };
}

async function handOver(lab: Lab, leader: DatabaseHost): Promise<void> {
  const { members, cluster, patroniConfig } = lab.shape;
  const candidate = members.find((host) => host !== leader) ?? leader;
  const words = ['switchover', cluster, '--candidate', candidate, '--force'];
  await lab.mustExec(leader, ['patronictl', '-c', patroniConfig, ...words]);
  await healthy(lab, 180_000);
}

/** The words that play a playbook with these variables, by inventory alone. */
export function played(lab: Lab, playbook: string, ...vars: readonly string[]): string[] {
  return ['play', playbook, '-i', lab.files.metalInventory, ...vars.flatMap((word) => ['-e', word])];
}

export function recover(lab: Lab, { target, accident }: Scene, ...more: readonly string[]): string[] {
  return played(lab, 'recover.yml', `target=${target}`, `target_time=${accident.before}`, ...more);
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
  expect(await writesLog(lab, scene.target)).toBe(await writesLog(lab, scene.leader));
}

/** The file that PostgreSQL on a node logs into, and by which it can be proved that it does. */
async function writesLog(lab: Lab, host: DatabaseHost): Promise<string> {
  const file = await sql(lab, host, 'select pg_current_logfile()');
  const mark = `looked for in the log: ${randomUUID()}`;
  await sql(lab, host, `do $$ begin raise log '${mark}'; end $$`);
  // The process that writes it is another one than that which was asked.
  await waitFor({
    what: `the log of ${host} to grow`,
    deadlineMs: 30_000,
    attempt: () => lab.exec(host, ['grep', '-qF', '--', mark, file]),
    done: ({ exitCode }) => exitCode === 0,
    describe: ({ stderr }) => `nothing of it in "${file}" ${stderr.trim()}`,
  });
  return file;
}

export async function rowsOf(lab: Lab, host: DatabaseHost): Promise<string> {
  return (await sql(lab, host, 'select count(*) from payments', { database })).trim();
}

/** The login that started it has ended: it runs on all the same, with the limits of the service. */
export async function expectIsolated(lab: Lab, { target, leader }: Scene): Promise<void> {
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

/** pitr peek finds the rows of the moment: without a terminal, as a login user who may not look into anything. */
export async function expectRows(lab: Lab, { target, accident }: Scene): Promise<void> {
  const count = ['-At', '-d', database, '-c', 'select count(*) from payments'];
  const peek = await pitr(['peek', target, '-i', lab.files.metalInventory, ...count]);
  expect([peek.stdout.trim(), peek.exitCode]).toEqual([String(accident.tables.payments.rowsThen), 0]);
}

/** What pg_wal is on every node of this lab. */
export function walIn(lab: Lab): string {
  const linked = storedVariants(lab.files.metalVariants)?.waldir === 'link';
  return linked ? walDirectory : `${lab.shape.dataDirectory('db1')}/pg_wal`;
}

export async function walOf(lab: Lab, host: DatabaseHost): Promise<string> {
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
