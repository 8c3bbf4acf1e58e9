import { expect } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { rowCounts } from '../../lab/seed.ts';
import {
  type DatabaseHost,
  databaseHosts,
  dataDirectory,
  hostNames,
  postgresBin,
  postgresPort,
} from '../../lab/topology.ts';
import { healthy, inodeOfData, type Scene } from '../support/lab.ts';

/** What undo must bring back on the target. */
export interface Before {
  /** Tells its data directory from another that was put in its place. */
  readonly inode: string;
  /** What lies beside the data: old data that recoveries of earlier suites have kept. */
  readonly beside: readonly string[];
}

export async function stateBefore(lab: Lab, target: DatabaseHost): Promise<Before> {
  return { inode: await inodeOfData(lab, target), beside: await besideData(lab, target) };
}

/** Proves that a cluster is as it was before a recovery: leader, rows, the target's data, nothing left on any host. */
export async function asBefore(lab: Lab, scene: Scene, before: Before, words: string): Promise<void> {
  expect([words, await inodeOfData(lab, scene.target)]).toEqual([words, before.inode]);
  await healthy(lab);
  expect([words, await currentLeader(lab)]).toEqual([words, scene.leader]);
  expect([words, await besideData(lab, scene.target)]).toEqual([words, before.beside]);
  expect([words, await strays(lab)]).toEqual([words, []]);
  await serves(lab, scene, words);
}

/** Proves that the leader serves, and that what was written is there. */
export async function serves(lab: Lab, scene: Scene, words: string): Promise<void> {
  const now = Object.entries(scene.accident.tables).map(([table, { rowsNow }]) => [table, rowsNow]);
  expect([words, await rowCounts(lab, scene.leader)]).toEqual([words, Object.fromEntries(now)]);
}

/** What lies beside the data of a node and belongs to recoveries. */
export async function besideData(lab: Lab, node: DatabaseHost): Promise<readonly string[]> {
  const listed = await lab.mustExec(node, ['sh', '-c', `ls -d ${dataDirectory(node)}.* || :`]);
  return listed.split('\n').filter((name) => name !== '' && !name.endsWith('.pitr-run'));
}

/** Processes of a recovery on any host. */
export async function strays(lab: Lab): Promise<readonly string[]> {
  const find =
    'ps -eo pid,args --no-headers | grep -E "barman (recover|backup|switch)|rsync |pitr-run|flock" | grep -v grep || :';
  const found = await Promise.all(hostNames.map((host) => lab.mustExec(host, ['sh', '-c', find])));
  return found.flatMap((text, index) => (text === '' ? [] : [`${hostNames[index]}: ${text}`]));
}

/** Rows of payments at the moment that the recovery aims at. */
export function rowsThen(scene: Scene): string {
  return String(scene.accident.tables.payments.rowsThen);
}

/** Rows of payments in the isolated PostgreSQL on the target. */
export function rowsInIsolation(lab: Lab, node: DatabaseHost): Promise<string> {
  return inIsolation(lab, node, 'select count(*) from payments');
}

/** What the isolated PostgreSQL on the target answers. */
export async function inIsolation(lab: Lab, node: DatabaseHost, query: string): Promise<string> {
  const psql = [`${postgresBin}/psql`, '-XAtq', '-h', `${dataDirectory(node)}.pitr-run`];
  const words = ['-p', String(postgresPort), '-d', 'shop', '-c', query];
  return (await lab.mustExec(node, [...psql, ...words], { user: 'postgres' })).trim();
}

/** All members but this one. */
export function others(node: DatabaseHost): readonly DatabaseHost[] {
  return databaseHosts.filter((host) => host !== node);
}
