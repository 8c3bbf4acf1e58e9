import { afterAll, beforeAll, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { putConfigurationBack, service, writeConfiguration } from '../support/member-files.ts';
import { tasksThat } from '../support/pitr.ts';
import { play } from '../support/play.ts';

const LONG = 1_200_000;
const CONFIG = ['-c', '/etc/patroni/patroni.yml'];
const CALLED = '/tmp/pitr-called';

let lab: Lab;
let scene: Scene;
let delayed: DatabaseHost;
let cascaded: DatabaseHost;

async function archiveMode(mode: string): Promise<void> {
  const leader = await currentLeader(lab);
  const set = ['edit-config', '--force', '--quiet', '--pg', `archive_mode=${mode}`];
  await lab.mustExec(leader, ['patronictl', ...CONFIG, ...set]);
  await waitFor({
    what: `archive_mode ${mode} on every member`,
    deadlineMs: 240_000,
    attempt: async () => {
      await lab.exec(leader, ['patronictl', ...CONFIG, 'restart', '--force', '--pending', 'patroni1'], {
        deadlineMs: 300_000,
      });
      return Promise.all(databaseHosts.map((host) => sql(lab, host, 'show archive_mode').catch(String)));
    },
    done: (values) => values.every((value) => value === mode),
    describe: (values) => values.join(' | '),
  });
  await healthy(lab, 180_000);
}

beforeAll(async () => {
  lab = await sharedLab();
  await archiveMode('always');
  scene = await accidentOn(lab);
  const { target, leader } = scene;
  [delayed = 'db3', cascaded = 'db4'] = databaseHosts.filter((host) => host !== target && host !== leader);
  const callback = `  callbacks:\n    on_start: sh -c "echo $0 $1 >> ${CALLED}"\n  basebackup:\n`;
  await writeConfiguration(
    lab,
    target,
    (text) => `${text.replace('  basebackup:\n', callback)}\ntags:\n  nofailover: true\n`,
  );
  await writeConfiguration(
    lab,
    delayed,
    (text) =>
      `${text.replace('  basebackup:\n', '  recovery_conf:\n    recovery_min_apply_delay: 1h\n  basebackup:\n')}\ntags:\n  nofailover: true\n`,
  );
  await writeConfiguration(lab, cascaded, (text) => `${text}\ntags:\n  replicatefrom: ${delayed}\n`);
  for (const host of [target, delayed, cascaded]) await service(lab, host, 'restart');
  await waitFor({
    what: `${cascaded} streams from ${delayed}`,
    deadlineMs: 300_000,
    attempt: () =>
      sql(lab, delayed, `select count(*) from pg_stat_replication where state = 'streaming'`).catch(String),
    done: (count) => count === '1',
    describe: (count) => count,
  });
}, LONG);

afterAll(async () => {
  for (const host of databaseHosts) {
    if (await putConfigurationBack(lab, host)) await service(lab, host, 'restart');
  }
  await healthy(lab, 240_000);
  await archiveMode('on');
}, LONG);

it(
  'nofailover, a delayed replica, a cascade behind it, archive_mode=always and callbacks stand in no way',
  async () => {
    const { target, leader } = scene;
    const vars = { target, target_time: scene.accident.before, auto_start: 'true', new_backup: 'false' };
    const run = await play(chosenInventory(lab), 'recover.yml', vars);
    expect(run.error).toBeUndefined();
    const rebuilt = tasksThat('changed', run.events).filter((task) => task.endsWith('copies the leader'));
    expect(rebuilt.toSorted()).toEqual(
      [leader, delayed, cascaded]
        .map((host) => `${host}: Start the member; Patroni copies the leader`)
        .toSorted(),
    );
    expect(await currentLeader(lab)).toBe(target);
    expect(await sql(lab, delayed, 'show recovery_min_apply_delay')).toBe('1h');
    expect(await lab.mustExec(target, ['cat', CALLED])).toContain('on_start');
    expect(run.stdout).toContain('Configuration, slots and archiving of the cluster are as before.');
    const { rowsThen } = scene.accident.tables.payments;
    for (const host of [target, leader]) {
      expect(await sql(lab, host, 'select count(*) from payments', { database: 'shop' })).toBe(
        String(rowsThen),
      );
    }
  },
  LONG,
);
