import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts, postgresHome } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { expectForeseen } from '../support/foreseen.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { putConfigurationBack, service, writeConfiguration } from '../support/member-files.ts';
import { tasksThat } from '../support/pitr.ts';
import { play } from '../support/play.ts';

const LONG = 1_200_000;
const CONFIG = ['-c', '/etc/patroni/patroni.yml'];

let lab: Lab;
let scene: Scene;

/** Changes the dynamic configuration, and restarts whoever waits for it, as an operator does. */
async function configure(leader: DatabaseHost, settings: readonly string[]): Promise<void> {
  const words = settings.flatMap((setting) => ['--pg', setting]);
  await lab.mustExec(leader, ['patronictl', ...CONFIG, 'edit-config', '--force', '--quiet', ...words]);
  await waitFor({
    what: 'no member that waits for a restart',
    deadlineMs: 180_000,
    attempt: async () => {
      await lab.mustExec(leader, ['patronictl', ...CONFIG, 'restart', '--force', 'patroni1'], {
        deadlineMs: 300_000,
      });
      return Promise.all(
        databaseHosts.map((host) => sql(lab, host, 'show shared_preload_libraries').catch(String)),
      );
    },
    done: (values) => new Set(values).size === 1 && values[0] === libraryOf(settings),
    describe: (values) => values.join(' | '),
  });
  await healthy(lab, 180_000);
}

function libraryOf(settings: readonly string[]): string {
  const [, library = ''] =
    settings.find((setting) => setting.startsWith('shared_preload_libraries'))?.split('=') ?? [];
  return library === 'null' ? '' : library;
}

const ask = (host: DatabaseHost, question: string) => sql(lab, host, question);

const softLimit = async (host: DatabaseHost): Promise<string> =>
  (
    await lab.mustExec(host, [
      'sh',
      '-c',
      `awk '/Max open files/ { print $4 }' /proc/$(head -1 ${postgresHome}/patroni*/postmaster.pid)/limits`,
    ])
  ).trim();

beforeAll(async () => {
  lab = await sharedLab();
}, LONG);

afterAll(async () => {
  await configure(await currentLeader(lab), [
    'shared_preload_libraries=null',
    'max_connections=null',
    'max_prepared_transactions=null',
  ]);
  for (const host of databaseHosts) {
    if (await putConfigurationBack(lab, host)) await service(lab, host, 'restart');
  }
  await healthy(lab, 180_000);
}, LONG);

describe('settings that take force with a start, changed after the backup, and what a node has of its own', () => {
  it(
    'are in force on the recovered node as they were on the old leader',
    async () => {
      scene = await accidentOn(lab);
      const { leader, target } = scene;
      // Another node's address in the backup: the backup is the leader's.
      await writeConfiguration(lab, leader, (text) =>
        text.replace('listen: 0.0.0.0:5431', `listen: 127.0.0.1,${leader}:5431`),
      );
      await writeConfiguration(lab, target, (text) =>
        text.replace('listen: 0.0.0.0:5431', `listen: 127.0.0.1,${target}:5431`),
      );
      await service(lab, target, 'restart');
      await lab.mustExec(leader, ['supervisorctl', 'signal', 'HUP', 'patroni']);
      await healthy(lab);
      await configure(leader, ['max_connections=100', 'shared_preload_libraries=null']).catch(
        () => undefined,
      );
      expect(await ask(leader, 'show listen_addresses')).toContain(leader);

      scene = await accidentOn(lab);
      await configure(scene.leader, [
        'shared_preload_libraries=pg_stat_statements',
        'max_connections=150',
        'max_prepared_transactions=5',
      ]);
      const before = { target: scene.target, target_time: scene.accident.before, new_backup: 'false' };
      const check = await play(
        chosenInventory(lab),
        'recover.yml',
        { ...before, auto_start: 'true' },
        '--check',
      );
      expect(check.error).toBeUndefined();
      const run = await play(chosenInventory(lab), 'recover.yml', { ...before, auto_start: 'true' });
      expect(run.error).toBeUndefined();
      expectForeseen(check.events, run.events);

      expect(await currentLeader(lab)).toBe(scene.target);
      expect(await ask(scene.target, 'show max_connections')).toBe('150');
      expect(await ask(scene.target, 'show shared_preload_libraries')).toBe('pg_stat_statements');
      expect(await ask(scene.target, 'show listen_addresses')).toBe(`127.0.0.1,${scene.target}`);
      expect(await ask(scene.target, `select count(*) from pg_settings where pending_restart`)).toBe('0');
      expect(run.stdout).toContain('Configuration, slots and archiving of the cluster are as before.');
      expect(run.stdout).not.toContain('otherwise than on the leader before');
      await healthy(lab);
    },
    LONG,
  );
});

describe('settings that are changed while a recovery waits, and the limits of the service', () => {
  it(
    'are mended by a restart through Patroni while nobody gets in, and said beforehand',
    async () => {
      scene = await accidentOn(lab);
      const { leader, target } = scene;
      const recovered = await play(chosenInventory(lab), 'recover.yml', {
        target,
        target_time: scene.accident.before,
      });
      expect(recovered.error).toBeUndefined();
      await lab.mustExec(leader, [
        'patronictl',
        ...CONFIG,
        'edit-config',
        '--force',
        '--quiet',
        '--pg',
        'max_connections=170',
      ]);
      const others = databaseHosts.filter((host) => host !== target);
      await waitFor({
        what: 'max_connections 170 on the members that are left',
        deadlineMs: 300_000,
        attempt: async () => {
          await lab.exec(leader, ['patronictl', ...CONFIG, 'restart', '--force', '--pending', 'patroni1'], {
            deadlineMs: 100_000,
          });
          return Promise.all(others.map((host) => ask(host, 'show max_connections').catch(String)));
        },
        done: (values) => values.every((value) => value === '170'),
        describe: (values) => values.join(' | '),
      });
      // As of a service whose limit is lower than that of a login.
      const pid = (
        await lab.mustExec(leader, ['sh', '-c', `head -1 ${postgresHome}/patroni*/postmaster.pid`])
      ).trim();
      await lab.mustExec(leader, ['prlimit', '--pid', pid, '--nofile=9000:20000'], { user: 'postgres' });
      const patroni = (await lab.mustExec(target, ['supervisorctl', 'pid'])).trim();
      await lab.mustExec(target, ['prlimit', '--pid', patroni, '--nofile=9000:20000']);
      try {
        const run = await play(chosenInventory(lab), 'cutover.yml', { target, new_backup: 'false' });
        expect(run.error).toBeUndefined();
        expect(run.stdout).toContain('max_connections was 170 and is 150');
        expect(tasksThat('changed', run.events)).toContain(
          `${target}: Let Patroni restart it where settings need it, still closed`,
        );
        expect(await ask(target, 'show max_connections')).toBe('170');
        expect(await softLimit(target)).toBe('9000');
        expect(run.stdout).not.toContain('otherwise than on the leader before');
      } finally {
        await lab.mustExec(target, ['prlimit', '--pid', patroni, '--nofile=20000:20000']);
      }
      await healthy(lab);
    },
    LONG,
  );
});
