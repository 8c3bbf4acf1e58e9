import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { labFiles } from '../../lab/checkout.ts';
import { currentLeader } from '../../lab/cluster.ts';
import { type Lab, prefixFrom } from '../../lab/lab.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { putConfigurationBack, writeConfiguration } from '../support/member-files.ts';
import { configurePatroni, restorePatroni } from '../support/patroni-config.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let scene: Scene;
/** A replica whose Patroni has its login for replication from its environment alone. */
let replica: DatabaseHost;
let password: string;

const START = '/usr/local/sbin/lab-patroni';
const withoutReplication = (text: string): string => text.replace(/^ +replication: \{.*\n/m, '');

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  replica = databaseHosts.find((host) => host !== scene.leader && host !== scene.target) ?? 'db4';
  const config = await lab.mustExec(replica, ['cat', '/etc/patroni/patroni.yml']);
  password = /username: replicator, password: "([^"]+)"/.exec(config)?.[1] ?? '';
  const variables = `export PATRONI_REPLICATION_USERNAME=replicator PATRONI_REPLICATION_PASSWORD=${password}`;
  await lab.mustExec(replica, ['cp', '-p', START, `${START}.of-the-lab`]);
  await lab.mustExec(replica, ['sed', '-i', `s/^exec /${variables}; exec /`, START]);
  // It streams with that, or this does not end.
  await configurePatroni(lab, replica, withoutReplication);
});

afterAll(async () => {
  // Where it has not come to an end; refused where nothing waits.
  await run('play', 'rollback.yml', '-i', chosenInventory(lab), '-e', `target=${scene.target}`);
  await putConfigurationBack(lab, scene.leader);
  await lab.exec(replica, ['mv', `${START}.of-the-lab`, START]);
  await restorePatroni(lab, replica);
  await healthy(lab);
});

async function run(...args: string[]) {
  const done = await pitr([...args, '--output', 'json', '--yes', '-vv']);
  const started = done.events.find((event) => event.type === 'run.started');
  return { ...done, error: runError(done.events), runId: started?.runId ?? '' };
}

it('a login of the environment of Patroni is tried, and one that is nowhere to be read is refused', async () => {
  const { target, leader, accident } = scene;
  // The Patroni that runs knows its password still; what is to be read does not hold it.
  await writeConfiguration(lab, leader, withoutReplication);
  const refused = await run(
    ...['play', 'recover.yml', '-i', chosenInventory(lab), '-e', `target=${target}`],
    ...['-e', `backup=${accident.backup.id}`, '-e', `target_time=${accident.before}`],
    ...['-e', 'auto_start=true', '-e', 'new_backup=false'],
  );
  expect(refused.error).toMatchObject({ kind: 'refused', code: 'logins-not-proved', host: target });
  expect(refused.error?.message).toContain(`from ${leader} (for replication)`);
  expect(refused.error?.message).not.toContain(replica);
  expect(await currentLeader(lab)).toBe(leader);

  await putConfigurationBack(lab, leader);
  const command = /pitr resume \S+$/m.exec((refused.error?.next ?? []).join('\n'))?.[0] ?? '';
  const resumed = await run(...command.split(' ').slice(1));
  expect(resumed.error).toBeUndefined();
  const proved = resumed.events.flatMap((event) =>
    event.type === 'host.result' && event.task.module === 'patroni.logins' ? [event.result] : [],
  );
  expect(proved.at(-1)).toMatchObject({
    proved: expect.arrayContaining([{ role: 'replicator', use: 'replication', from: replica }]),
  });
  const evidence = await proveRecovery(lab, accident, target, scene.timeline);
  expect(evidence.filter(({ holds }) => !holds)).toEqual([]);

  const state = join(labFiles(prefixFrom(process.env)).folder, 'state');
  const files = await readdir(state, { recursive: true, withFileTypes: true });
  const journals = await Promise.all(
    files
      .filter((file) => file.isFile() && file.parentPath.includes(refused.runId))
      .map((file) => readFile(join(file.parentPath, file.name), 'utf8')),
  );
  for (const text of [refused.stdout, refused.stderr, resumed.stdout, resumed.stderr, ...journals])
    expect(text.includes(password)).toBe(false);
});
