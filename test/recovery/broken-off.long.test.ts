import { beforeEach, describe, expect, it } from 'vitest';
import { currentLeader, sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { mustRunLocally } from '../../lab/local-command.ts';
import { proveRecovery } from '../../lab/proof.ts';
import { containerName, dataDirectory } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { others, serves } from '../faults/cluster-state.ts';
import { killedAt } from '../faults/killed.ts';
import { accidentOn, chosenInventory, healthy, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { tasksThat, withoutWaits } from '../support/pitr.ts';
import { type Played, play, told } from '../support/play.ts';

const LONG = 1_200_000;

let lab: Lab;
let scene: Scene;

beforeEach(async () => {
  lab = await sharedLab();
  await healthy(lab, 180_000);
  scene = await accidentOn(lab);
});

const on = (
  playbook: string,
  vars: Readonly<Record<string, string>> = {},
  ...more: readonly string[]
): Promise<Played> => play(chosenInventory(lab), playbook, { target: scene.target, ...vars }, ...more);
const aim = () => ({ backup: scene.accident.backup.id, target_time: scene.accident.before });

/** A whole recovery, with its cut-over. */
function whole(): string[] {
  const vars = Object.entries({ target: scene.target, ...aim(), auto_start: 'true' });
  const words = vars.flatMap(([name, value]) => ['-e', `${name}=${value}`]);
  return ['play', 'recover.yml', '-i', chosenInventory(lab), ...words];
}

async function leadsAgain(): Promise<void> {
  await waitFor({
    what: `${scene.leader} leads again`,
    deadlineMs: 300_000,
    attempt: () => currentLeader(lab).catch(String),
    done: (leader) => leader === scene.leader,
    describe: String,
  });
}

describe('a recovery that waits isolated', () => {
  it(
    'is not what members are rebuilt from: rejoin.yml stops no leader',
    async () => {
      expect((await on('recover.yml', aim())).error).toBeUndefined();
      const inode = await inodeOfData(lab, scene.leader);
      const refused = await on('rejoin.yml');
      expect(refused.error).toMatchObject({ kind: 'refused', code: 'target-does-not-lead' });
      await serves(lab, scene, 'after a refused rejoin.yml');
      expect(await inodeOfData(lab, scene.leader)).toBe(inode);
      expect((await on('rollback.yml')).error).toBeUndefined();
      await healthy(lab, 180_000);
    },
    LONG,
  );

  it(
    'and whose old data is gone is taken back by a copy of the leader, with the command that the refusal names',
    async () => {
      const run = await on('recover.yml', aim());
      expect(run.error).toBeUndefined();
      const old = `${dataDirectory(scene.target)}.pre-pitr.${run.runId}`;
      await lab.mustExec(scene.target, ['rm', '-r', old]);
      const refused = await on('rollback.yml');
      expect(refused.error).toMatchObject({
        kind: 'refused',
        code: 'old-data-missing',
        next: expect.arrayContaining([expect.stringContaining('-e copy_anew=true')]),
      });
      expect((await on('rollback.yml', { copy_anew: 'true' })).error).toBeUndefined();
      await healthy(lab, 180_000);
      expect(await currentLeader(lab)).toBe(scene.leader);
    },
    LONG,
  );
});

describe('a recovery that broke off between its note and the move of the old data', () => {
  it(
    'is not told by rollback.yml as one whose old data is gone; the command that it names leads back',
    async () => {
      const words = ['play', 'recover.yml', '-i', chosenInventory(lab), '-e', `target=${scene.target}`];
      const more = Object.entries(aim()).flatMap(([name, value]) => ['-e', `${name}=${value}`]);
      const inode = await inodeOfData(lab, scene.target);
      const killed = await killedAt({ during: 'Keep the old data', afterMs: 0 }, [...words, ...more]);
      expect([killed.error, killed.killed]).toEqual([undefined, true]);
      const refused = await on('rollback.yml');
      expect(refused.error).toMatchObject({ kind: 'refused', code: 'recovery-not-in-place' });
      expect(refused.error?.next).toContainEqual(expect.stringContaining(`pitr undo ${killed.runId}`));
      expect((await told(['undo', killed.runId, '--yes'])).exitCode).toBe(0);
      await healthy(lab, 180_000);
      expect(await inodeOfData(lab, scene.target)).toBe(inode);
      await serves(lab, scene, 'after the undo that rollback.yml names');
    },
    LONG,
  );
});

describe('a recovery that is undone in a state that nobody planned', () => {
  it(
    'leads out by --keep where the old data is gone: Patroni copies the leader',
    async () => {
      const run = await on('recover.yml', aim());
      expect(run.error).toBeUndefined();
      await lab.mustExec(scene.target, ['rm', '-r', `${dataDirectory(scene.target)}.pre-pitr.${run.runId}`]);
      const undo = await told(['undo', run.runId, '--yes']);
      const words = undo.stderr.replaceAll(/\s+/g, ' ');
      expect([undo.exitCode, words]).toEqual([5, expect.stringContaining('is gone, and nothing is at')]);
      const [, number = ''] = /taking back change (\d+)/.exec(words) ?? [];
      expect((await told(['undo', run.runId, '--keep', number, '--yes'])).exitCode).toBe(0);
      await healthy(lab, 180_000);
      await serves(lab, scene, 'after undo --keep');
    },
    LONG,
  );
});

describe('a cut-over that broke off when all members were stopped', () => {
  it(
    'is not gone on with while a member leads again; the commands that the refusal names keep what it serves',
    async () => {
      const handOver = { during: 'Hand the recovered node to Patroni', afterMs: 0 };
      const killed = await killedAt(handOver, whole());
      expect([killed.error, killed.killed]).toEqual([undefined, true]);
      await lab.mustExec(scene.leader, ['supervisorctl', 'start', 'patroni']);
      await leadsAgain();
      // Led by Patroni, it has taken the number of the recovered timeline: also when it is stopped again.
      const taken = {
        kind: 'refused',
        code: 'timeline-taken',
        next: expect.arrayContaining([expect.stringContaining('rollback.yml')]),
      };
      const resume = async () => (await told(['resume', killed.runId, '--yes', '--output', 'json'])).error;
      expect(await resume()).toMatchObject(taken);
      await lab.mustExec(scene.leader, ['supervisorctl', 'stop', 'patroni']);
      expect(await resume()).toMatchObject(taken);
      await lab.mustExec(scene.leader, ['supervisorctl', 'start', 'patroni']);
      await leadsAgain();
      const runs = await told(['runs', killed.runId]);
      const [, from = ''] = /pitr undo \S+ --from (\d+)/.exec(runs.stdout) ?? [];
      const undo = withoutWaits(await told(['undo', killed.runId, '--from', from, '--yes']));
      expect([undo.exitCode, undo.stderr]).toEqual([0, '']);
      expect((await on('rollback.yml')).error).toBeUndefined();
      await healthy(lab, 180_000);
      await serves(lab, scene, 'after rollback.yml');
    },
    LONG,
  );
});

describe('a cut-over whose Barman host is gone when all members are stopped', () => {
  it(
    'is gone on with without the lock until the node serves, and comes to its end when that host is back',
    async () => {
      const killed = await killedAt({ during: 'Hand the recovered node to Patroni', afterMs: 0 }, whole());
      expect([killed.error, killed.killed]).toEqual([undefined, true]);
      const resume = async (...more: readonly string[]) =>
        (await told(['resume', killed.runId, '--yes', '--output', 'json', ...more])).error;
      const barman = containerName(lab.prefix, 'barman');
      await mustRunLocally('pausing the Barman host', ['docker', 'pause', barman]);
      try {
        expect((await resume())?.kind).toBe('unreachable');
        expect((await resume('--without-lock', killed.runId))?.host).toBe('barman');
        expect(await currentLeader(lab)).toBe(scene.target);
        await sql(lab, scene.target, 'create table written_without_barman ()');
      } finally {
        await mustRunLocally('waking the Barman host', ['docker', 'unpause', barman]);
      }
      expect(await resume()).toBeUndefined();
      await healthy(lab, 180_000);
      await sql(lab, scene.target, 'drop table written_without_barman');
      const evidence = await proveRecovery(lab, scene.accident, scene.target, scene.timeline);
      expect(evidence.filter(({ holds }) => !holds)).toEqual([]);
    },
    LONG,
  );
});

describe('a cut-over that broke off when the replicas were stopped', () => {
  it(
    'is not taken back over them: rollback.yml refuses, and the commands that it names start them again',
    async () => {
      const killed = await killedAt({ during: 'Stop the old leader, last', afterMs: 0 }, whole());
      expect([killed.error, killed.killed]).toEqual([undefined, true]);
      // As if it could not be stopped.
      await lab.mustExec(scene.leader, ['sh', '-c', 'supervisorctl start patroni || :']);
      await leadsAgain();
      const [replica] = others(scene.target).filter((name) => name !== scene.leader);
      if (replica === undefined) throw new Error('the lab has no third member');
      const refused = await on('rollback.yml');
      expect(refused.error).toMatchObject({
        kind: 'refused',
        code: 'member-stopped',
        message: expect.stringContaining(`${replica} is stopped`),
      });
      const runs = await told(['runs', killed.runId]);
      const [, from = ''] = /pitr undo \S+ --from (\d+)/.exec(runs.stdout) ?? [];
      const undo = withoutWaits(await told(['undo', killed.runId, '--from', from, '--yes']));
      expect([undo.exitCode, undo.stderr]).toEqual([0, '']);
      expect((await on('rollback.yml')).error).toBeUndefined();
      await healthy(lab, 180_000);
      await serves(lab, scene, 'after rollback.yml');
    },
    LONG,
  );
});

describe('a cut-over that broke off while members were rebuilt', () => {
  it(
    'is not begun anew on the node that leads; rejoin.yml rebuilds the rest and leaves nothing that waits',
    async () => {
      const rebuild = { during: 'Start the member; Patroni copies the leader', afterMs: 500 };
      const killed = await killedAt(rebuild, whole());
      expect([killed.error, killed.killed]).toEqual([undefined, true]);
      const again = await on('cutover.yml');
      expect(again.error).toMatchObject({ kind: 'refused', code: 'already-cut-over' });
      expect(await currentLeader(lab)).toBe(scene.target);

      // As if its host were gone for good; it comes back afterwards.
      expect((await on('rejoin.yml', {}, '--limit', `all:!${scene.leader}`)).error).toBeUndefined();
      const note = `${dataDirectory(scene.target)}.pitr.json`;
      expect((await lab.exec(scene.target, ['ls', note])).exitCode).not.toBe(0);
      expect((await on('rejoin.yml')).error).toBeUndefined();
      await healthy(lab, 180_000);
      const next = await play(
        chosenInventory(lab),
        'recover.yml',
        { target: scene.leader, target_time: 'latest' },
        '--check',
      );
      expect(next.error).toBeUndefined();
    },
    LONG,
  );
});

describe('a cut-over that broke off right after it had opened the recovered node', () => {
  it(
    'is finished by rejoin.yml, which archives what the old leader has left before that is rebuilt',
    async () => {
      const killed = await killedAt({ during: 'Let Barman receive its WAL', afterMs: 0 }, whole());
      expect([killed.error, killed.killed]).toEqual([undefined, true]);
      const finished = await on('rejoin.yml');
      expect(finished.error).toBeUndefined();
      // It has archived all of it by itself, as a rule.
      const tail = `${scene.leader}: Archive the last WAL of the old leader, before it is kept`;
      const made = (['changed', 'ok'] as const).flatMap((status) => tasksThat(status, finished.events));
      expect(made).toContain(tail);
      await healthy(lab, 180_000);
      expect(await currentLeader(lab)).toBe(scene.target);
    },
    LONG,
  );
});
