import { beforeEach, describe, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, dataDirectory } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { others, serves } from '../faults/cluster-state.ts';
import { killedAt } from '../faults/killed.ts';
import { accidentOn, chosenInventory, healthy, inodeOfData, type Scene, sharedLab } from '../support/lab.ts';
import { type Played, play, told } from '../support/play.ts';

/** Somebody starts Patroni where a cut-over that broke off has stopped it, before the cut-over goes on. */

const LONG = 1_200_000;

let lab: Lab;
let scene: Scene;

beforeEach(async () => {
  lab = await sharedLab();
  await healthy(lab, 180_000);
  scene = await accidentOn(lab);
});

const on = (playbook: string): Promise<Played> =>
  play(chosenInventory(lab), playbook, { target: scene.target });
const whole = () => ({
  target: scene.target,
  backup: scene.accident.backup.id,
  target_time: scene.accident.before,
  auto_start: 'true',
});
const wholeWords = (): string[] => [
  ...['play', 'recover.yml', '-i', chosenInventory(lab)],
  ...Object.entries(whole()).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
];
const resume = async (runId: string) => (await told(['resume', runId, '--yes', '--output', 'json'])).error;
const patroni = (node: DatabaseHost, action: 'start' | 'stop') =>
  lab.mustExec(node, ['supervisorctl', action, 'patroni']);

async function rewinds(wanted: boolean): Promise<void> {
  const patronictl = ['patronictl', '-c', '/etc/patroni/patroni.yml', 'edit-config', '--force', '--quiet'];
  await lab.mustExec(scene.leader, [...patronictl, '-s', `postgresql.use_pg_rewind=${wanted}`]);
}

describe('a cut-over that broke off before the first member was stopped', () => {
  it(
    'stops nobody when the recovered node has become a standby; rollback.yml leads back',
    async () => {
      await rewinds(false);
      try {
        // The next task has only looked: the recovered node waits closed.
        const killed = await killedAt({ during: 'Prove that Patroni will get in', afterMs: 0 }, wholeWords());
        expect([killed.error, killed.killed]).toEqual([undefined, true]);
        await patroni(scene.target, 'start');
        await waitFor({
          what: `${scene.target} is a standby`,
          deadlineMs: 300_000,
          attempt: () =>
            lab.exec(scene.target, ['test', '-e', `${dataDirectory(scene.target)}/standby.signal`]),
          done: ({ exitCode }) => exitCode === 0,
          describe: ({ exitCode }) => `exit code ${exitCode}`,
        });
        expect(await resume(killed.runId)).toMatchObject({ kind: 'refused', code: 'closed-no-primary' });
        await serves(lab, scene, 'after a refused resume');
        expect((await on('rollback.yml')).error).toBeUndefined();
        await healthy(lab, 180_000);
        expect(await currentLeader(lab)).toBe(scene.leader);
      } finally {
        await rewinds(true);
      }
    },
    LONG,
  );
});

describe('a cut-over that broke off when the replicas were stopped', () => {
  it(
    'does not stop the old leader while one of them runs again; the commands that the refusal names lead on',
    async () => {
      const killed = await killedAt({ during: 'Look who leads by now', afterMs: 0 }, wholeWords());
      expect([killed.error, killed.killed]).toEqual([undefined, true]);
      const again = others(scene.target).find((node) => node !== scene.leader);
      if (again === undefined) throw new Error('the lab has no second replica');
      const inode = await inodeOfData(lab, again);
      await patroni(again, 'start');
      expect(await resume(killed.runId)).toMatchObject({
        kind: 'refused',
        code: 'member-runs-again',
        host: again,
        next: expect.arrayContaining([expect.stringContaining('supervisorctl stop patroni')]),
      });
      await serves(lab, scene, 'after a refused resume');
      expect(await inodeOfData(lab, again)).toBe(inode);
      await patroni(again, 'stop');
      expect(await resume(killed.runId)).toBeUndefined();
      await healthy(lab, 180_000);
      expect(await currentLeader(lab)).toBe(scene.target);
    },
    LONG,
  );
});

describe('a cut-over that broke off before the recovered node was opened', () => {
  it(
    'is finished by its own run alone, which the refusals of rejoin.yml and cutover.yml name',
    async () => {
      const closed = { during: 'Let Patroni restart it where settings need it, still closed', afterMs: 0 };
      const killed = await killedAt(closed, wholeWords());
      expect([killed.error, killed.killed]).toEqual([undefined, true]);
      const unfinished = {
        kind: 'refused',
        code: 'cut-over-unfinished',
        next: expect.arrayContaining([`Go on with it: pitr resume ${killed.runId}`]),
      };
      for (const playbook of ['rejoin.yml', 'cutover.yml'])
        expect((await on(playbook)).error).toMatchObject(unfinished);
      expect(await resume(killed.runId)).toBeUndefined();
      await healthy(lab, 180_000);
      expect(await currentLeader(lab)).toBe(scene.target);
    },
    LONG,
  );
});
