import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import type { MetalSecrets } from '../../lab/metal/secrets.ts';
import { database } from '../../lab/shop.ts';
import { type DatabaseHost, postgresBin } from '../../lab/topology.ts';
import { inodeOfData } from '../support/lab.ts';
import { pitr, runError, withoutWaits } from '../support/pitr.ts';
import { atTerminal, typeSteps } from '../support/typed-steps.ts';
import { metalLab } from './metal-lab.ts';
import { expectAsBefore, runIdOf, sceneOn } from './steps.ts';

/** One host asks for a password wherever sudo is typed; and where sudo insists on a terminal, all do on that. */
describe.each([[''], ['tty=required']])('hosts with systemd, %s', (variants) => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await metalLab(variants.split(' ').filter((word) => word !== ''));
  });

  it('are recovered, and brought back, by the commands that pitr recover prints, typed at a terminal', async () => {
    const scene = await sceneOn(lab);
    const { target, leader, accident } = scene;
    const before = await inodeOfData(lab, target);
    const prepared = await pitr([
      ...['recover', accident.backup.id, accident.before, '--for', target],
      ...['-i', lab.files.metalInventory, '--output', 'json'],
    ]);
    expect(runError(prepared.events)).toBeUndefined();
    expect([prepared.stderr, prepared.exitCode]).toEqual(['', 0]);
    expect(await inodeOfData(lab, target)).toBe(before);

    const type = atTerminal(await passwordOf(lab));
    await typeSteps(prepared, 'apply', type);
    expect(await paymentsInIsolation(lab, target)).toBe(accident.tables.payments.rowsThen);
    expect(await currentLeader(lab)).toBe(leader);
    await typeSteps(prepared, 'back', type);
    await expectAsBefore(lab, scene, before);

    const undo = withoutWaits(await pitr(['undo', runIdOf(prepared.events), '--yes']));
    expect([undo.stderr, undo.exitCode]).toEqual(['', 0]);
    const data = lab.shape.dataDirectory(target);
    await lab.mustExec(target, ['sh', '-c', 'rm -rf "$1".recovered.*', 'sh', data]);
  });
});

/** What sudo wants to hear. */
async function passwordOf({ files }: Lab): Promise<string> {
  const { sudo }: Pick<MetalSecrets, 'sudo'> = JSON.parse(
    await readFile(join(files.folder, 'secrets.json'), 'utf8'),
  );
  return sudo;
}

async function paymentsInIsolation(lab: Lab, node: DatabaseHost): Promise<number> {
  const socket = `${lab.shape.dataDirectory(node)}.pitr-run`;
  const psql = [`${postgresBin}/psql`, '-XAtq', '-h', socket, '-p', String(lab.shape.postgresPort)];
  const count = ['-d', database, '-c', 'select count(*) from payments'];
  return Number(await lab.mustExec(node, [...psql, ...count], { user: 'postgres' }));
}
