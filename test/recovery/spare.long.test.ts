import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import {
  containerName,
  type DatabaseHost,
  postgresBin,
  postgresHome,
  postgresPort,
} from '../../lab/topology.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { accidentOn, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';

const PGDATA = `${postgresHome}/spare`;
const PORT = 5440;
const BIN = postgresBin;
const OTHER_BIN = '/tmp/postgresql-14';

/** Programs that say that they are of another version. */
const OTHER_POSTGRES = `
mkdir -p "$1" && cd "$1" || exit
printf '#!/bin/sh\\necho "postgres (PostgreSQL) 14.9"\\n' >postgres
chmod 755 postgres && cp postgres pg_ctl && cp postgres pg_controldata`;

let lab: Lab;
let scene: Scene;
/** The machine that is the spare host too: a member of the cluster works on it, and is none of its business. */
let machine: DatabaseHost;
let inventories: readonly string[];

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  machine = lab.shape.members.find((host) => host !== scene.leader && host !== scene.target) ?? 'db4';
  const spare = join(lab.files.folder, 'spare.yml');
  await writeFile(
    spare,
    `spare:
  vars:
    ansible_host: ${containerName(lab.prefix, machine)}
    pgdata: ${PGDATA}
    pg_port: ${PORT}
    pg_user: postgres
    restore_ssh: "ssh -q postgres@${machine}"
  hosts:
    spare1: { pg_bin: ${BIN} }
    spare2: { pg_bin: ${OTHER_BIN} }
`,
  );
  inventories = ['-i', lab.files.dockerInventory, '-i', spare];
});

afterAll(async () => {
  const stop = `${BIN}/pg_ctl -D ${PGDATA} stop -m fast; rm -rf ${PGDATA} ${PGDATA}.*`;
  await lab.exec(machine, ['sh', '-c', stop], { user: 'postgres' });
});

const play = async (playbook: string, ...more: readonly string[]) => {
  const run = await pitr([
    ...['play', playbook, ...inventories, '--output', 'json', '--yes', '-e', 'target=spare1', ...more],
  ]);
  const started = run.events.find((event) => event.type === 'run.started');
  return { ...run, error: runError(run.events), runId: started?.runId ?? '' };
};

const moment = (): readonly string[] => [
  ...['-e', `target_time=${scene.accident.before}`, '-e', `backup=${scene.accident.backup.id}`],
];

const ask = (sql: string): Promise<string> =>
  lab.mustExec(machine, [`${BIN}/psql`, '-XAtq', '-p', String(PORT), '-d', 'shop', '-c', sql], {
    user: 'postgres',
  });

/** What the cluster must not feel. */
async function theCluster(): Promise<unknown> {
  await healthy(lab);
  const pids = lab.shape.members.map((host) =>
    lab.mustExec(host, ['head', '-1', `${lab.shape.dataDirectory(host)}/postmaster.pid`]),
  );
  return [await currentLeader(lab), ...(await Promise.all(pids))];
}

describe('a host outside the cluster', () => {
  it('gets the data of a moment to look at, as --check said, and an undo removes it; the cluster serves on', async () => {
    const before = await theCluster();
    const check = await play('spare.yml', ...moment(), '--check');
    expect(check.error).toBeUndefined();
    const run = await play('spare.yml', ...moment());
    expect(run.error).toBeUndefined();
    expectForeseen(check.events, run.events);

    const count = 'select count(*) from payments';
    const peek = await pitr(['peek', 'spare1', ...inventories, '-d', 'shop', '-c', count]);
    expect(peek.stdout).toContain(String(scene.accident.tables.payments.rowsThen));
    const again = await play('spare.yml', ...moment());
    expect(again.error).toMatchObject({ kind: 'refused', code: 'place-in-use' });
    const commit = await pitr(['commit', run.runId, '--yes']);
    expect([commit.exitCode, commit.stderr.replaceAll(/\s+/g, ' ')]).toEqual([
      5,
      expect.stringContaining(`pitr undo ${run.runId}`),
    ]);

    expect((await pitr(['undo', run.runId, '--yes'])).exitCode).toBe(0);
    // What the isolated start said stays, as after every undo.
    const left = await lab.exec(machine, ['sh', '-c', `ls -d ${PGDATA} ${PGDATA}.*`]);
    expect(left.stdout).toBe(`${PGDATA}.pitr-run\n`);
    expect(await theCluster()).toEqual(before);
  });

  it('is refused where it is a member, its port is in use, or its PostgreSQL is of another version', async () => {
    const taken = await play('spare.yml', ...moment(), '-e', 'promote=true', '-e', `pg_port=${postgresPort}`);
    expect(taken.error).toMatchObject({ kind: 'refused', code: 'port-in-use' });
    const member = await play('spare.yml', ...moment(), '-e', `target=${scene.target}`);
    expect(member.error).toMatchObject({ kind: 'refused', code: 'target-is-member' });
    await lab.mustExec(machine, ['sh', '-c', OTHER_POSTGRES, 'sh', OTHER_BIN]);
    const other = await play('spare.yml', ...moment(), '-e', 'target=spare2');
    await lab.mustExec(machine, ['rm', '-r', OTHER_BIN]);
    expect(other.error).toMatchObject({ kind: 'refused', code: 'other-version' });
  });

  it('becomes a server of its own on request, which archives nowhere', async () => {
    const before = await theCluster();
    const run = await play('spare.yml', ...moment());
    expect(run.error).toBeUndefined();
    expect((await play('spare-serves.yml')).error).toBeUndefined();
    expect(await ask('select count(*) from payments')).toContain(
      String(scene.accident.tables.payments.rowsThen),
    );
    expect(await ask("create table own (row int); insert into own values (1); select 'written'")).toContain(
      'written',
    );
    expect(await ask("select setting from pg_settings where name = 'archive_mode'")).toContain('off');
    expect(await theCluster()).toEqual(before);
    expect((await pitr(['commit', run.runId, '--yes'])).exitCode).toBe(0);
  });
});
