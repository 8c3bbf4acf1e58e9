import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { finishedBackups } from '../../lab/archive.ts';
import { currentLeader, readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { postgresHome } from '../../lab/topology.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { healthy, inodeOfData } from '../support/lab.ts';
import { pitr, withoutWaits } from '../support/pitr.ts';
import { expectIsolated, expectRecovered, played, recover, run, runIdOf, sceneOn } from './steps.ts';

/** A person has looked at the data in between; afterwards nobody is left to be rebuilt, and nothing to be saved. */
export async function isCutOver(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const { target, leader } = scene;
  await run(recover(lab, scene));
  await expectIsolated(lab, scene);
  const words = played(lab, 'cutover.yml', `target=${target}`);
  const check = await run(words, '--check');
  await expectIsolated(lab, scene);
  const { events } = await run(words);
  expectForeseen(check.events, events);
  await expectRecovered(lab, scene, events);

  const rebuilt = await inodeOfData(lab, leader);
  await run(played(lab, 'rejoin.yml', `target=${target}`));
  expect(await inodeOfData(lab, leader)).toBe(rebuilt);
  await run(played(lab, 'save-wal.yml', `node=${target}`));
  const before = await finishedBackups(lab);
  await run(played(lab, 'backup.yml'));
  expect(await finishedBackups(lab)).toHaveLength(before.length + 1);
  await healthy(lab, 180_000);
}

/** The machine of a member is the spare host too: the member that works there is none of its business. */
export async function isSpared(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const { target: machine, accident, leader } = scene;
  const own = parse(await readFile(lab.files.metalInventory, 'utf8'));
  const pgdata = `${postgresHome}/spare`;
  const spare1 = {
    ...own.all.children.patroni.hosts[machine],
    pgdata,
    pg_port: 5440,
    pg_bin: own.all.children.patroni.vars.pg_bin,
    pg_user: 'postgres',
  };
  const inventory = join(lab.files.folder, 'metal-spare.yml');
  // It holds a password.
  await writeFile(inventory, JSON.stringify({ spare: { hosts: { spare1 } } }), { mode: 0o600 });
  const inodes = await Promise.all(lab.shape.members.map((host) => inodeOfData(lab, host)));
  try {
    const words = played(lab, 'spare.yml', 'target=spare1', `target_time=${accident.before}`);
    const { events } = await run(words, '-i', inventory);
    const where = ['-i', lab.files.metalInventory, '-i', inventory];
    const count = 'select count(*) from payments';
    const peek = await pitr(['peek', 'spare1', ...where, '-At', '-d', 'shop', '-c', count]);
    expect([peek.stdout.trim(), peek.exitCode]).toEqual([String(accident.tables.payments.rowsThen), 0]);
    const undo = withoutWaits(await pitr(['undo', runIdOf(events), '--yes']));
    expect([undo.stderr, undo.exitCode]).toEqual(['', 0]);
    expect((await lab.exec(machine, ['ls', '-d', pgdata])).stdout).toBe('');
  } finally {
    const stop = `${spare1.pg_bin}/pg_ctl -D ${pgdata} stop -m immediate; rm -rf ${pgdata} ${pgdata}.*`;
    await lab.exec(machine, ['sh', '-c', stop], { user: 'postgres' });
  }
  await healthy(lab, 180_000);
  expect(await currentLeader(lab)).toBe(leader);
  expect(new Set((await readMembers(lab)).map(({ timeline }) => timeline))).toEqual(
    new Set([scene.timeline]),
  );
  expect(await Promise.all(lab.shape.members.map((host) => inodeOfData(lab, host)))).toEqual(inodes);
}
