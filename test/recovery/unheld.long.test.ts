import { afterAll, beforeAll, expect, it } from 'vitest';
import { archiveCurrentWal } from '../../lab/archive.ts';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { clusterName, type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { accidentOn, chosenInventory, healthy, type Scene, sharedLab } from '../support/lab.ts';
import { type PitrResult, pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let scene: Scene;
/** Leads since the accident, and its Barman server has no backup. */
let leader: DatabaseHost;
let target: DatabaseHost;

async function barman(script: string): Promise<string> {
  return lab.mustExec('barman', ['sh', '-c', script, 'sh', leader], { user: 'barman', deadlineMs: 300_000 });
}

const backups = () => barman('barman list-backup --minimal "$1"');

function play(playbook: string, ...more: readonly string[]): Promise<PitrResult> {
  const common = ['-i', chosenInventory(lab), '--output', 'json', '-e', `target=${target}`];
  return pitr(['play', playbook, ...common, ...more]);
}

beforeAll(async () => {
  lab = await sharedLab();
  scene = await accidentOn(lab);
  leader = databaseHosts.find((host) => host !== scene.leader) ?? 'db2';
  target = databaseHosts.find((host) => host !== scene.leader && host !== leader) ?? 'db3';
  await barman('for id in $(barman list-backup --minimal "$1"); do barman delete "$1" "$id" || exit; done');
  const change = ['switchover', clusterName, '--master', scene.leader, '--candidate', leader, '--force'];
  await lab.mustExec(scene.leader, ['patronictl', '-c', '/etc/patroni/patroni.yml', ...change]);
  await healthy(lab);
  expect(await currentLeader(lab)).toBe(leader);
  await archiveCurrentWal(lab, leader);
});

afterAll(async () => {
  // Refused where nothing waits.
  await play('rollback.yml', '--yes');
  await healthy(lab, 180_000);
});

it('a backup that would let Barman delete what a recovery rests on, and nothing holds, is asked for', async () => {
  const latest = ['-e', 'target_time=latest', '-e', `backup=${scene.accident.backup.id}`];
  const run = await play('recover.yml', ...latest, '-e', 'restore=false', '--yes');
  expect(runError(run.events)).toBeUndefined();
  expect(run.stdout).toContain(`WAL in the archive of ${leader} is older than all backups there`);

  const asked = await play('backup.yml');
  expect(runError(asked.events)).toMatchObject({ code: 'nobody-to-ask' });
  expect(asked.stdout).toContain(`This is the first backup of server ${leader}`);
  expect(asked.stdout).toMatch(/ended well .* ago, and what it made waits for a decision/);
  expect(await backups()).toBe('');

  // What the question is about: the WAL goes, and nothing replays what was restored.
  expect(runError((await play('backup.yml', '--yes')).events)).toBeUndefined();
  expect(await backups()).not.toBe('');
  expect(runError((await play('replay.yml', '--yes')).events)).toMatchObject({ kind: 'refused' });
});
