import { expect, it } from 'vitest';
import { currentLeader, leaderOf, readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { clusterName, type DatabaseHost, dataDirectory } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { others, serves } from '../faults/cluster-state.ts';
import { killedAt } from '../faults/killed.ts';
import { accidentOn, chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { play, told } from '../support/play.ts';

/** The node that a cut-over has handed to Patroni is copied anew from the old leader before the cut-over goes on. */

const patroni = (lab: Lab, node: DatabaseHost, action: 'start' | 'stop') =>
  lab.mustExec(node, ['supervisorctl', action, 'patroni']);

const leads = (lab: Lab, node: DatabaseHost, streams: readonly DatabaseHost[] = []) =>
  waitFor({
    what: `${node} leads${streams.length === 0 ? '' : `, and ${streams.join(', ')} follow`}`,
    deadlineMs: 180_000,
    attempt: () => readMembers(lab),
    done: (members) =>
      leaderOf(members) === node &&
      streams.every((name) =>
        members.some((one) => one.name === name && ['running', 'streaming'].includes(one.state)),
      ),
    describe: (members) => JSON.stringify(members),
  });

it('a node that leads with other data is not opened by the run that goes on, and the way that the refusal names leads back to what the members hold', async () => {
  const lab = await sharedLab();
  await healthy(lab, 180_000);
  const scene = await accidentOn(lab);
  const { target, leader } = scene;
  const closed = { during: 'Let Patroni restart it where settings need it, still closed', afterMs: 0 };
  const given = {
    target,
    backup: scene.accident.backup.id,
    target_time: scene.accident.before,
    auto_start: 'true',
  };
  const killed = await killedAt(closed, [
    ...['play', 'recover.yml', '-i', chosenInventory(lab)],
    ...Object.entries(given).flatMap(([name, value]) => ['-e', `${name}=${value}`]),
  ]);
  expect([killed.error, killed.killed]).toEqual([undefined, true]);
  const data = dataDirectory(target);
  await patroni(lab, target, 'stop');
  await lab.mustExec(target, ['mv', data, `${data}.elsewhere`]);
  try {
    await patroni(lab, leader, 'start');
    await leads(lab, leader);
    await patroni(lab, target, 'start');
    await leads(lab, leader, [target]);
    const patronictl = ['patronictl', '-c', '/etc/patroni/patroni.yml'];
    await lab.mustExec(leader, [...patronictl, 'switchover', clusterName, '--candidate', target, '--force']);
    await leads(lab, target, [leader]);
    const refused = (await told(['resume', killed.runId, '--yes', '--output', 'json'])).error;
    expect(refused).toMatchObject({
      kind: 'refused',
      code: 'promoted-data-gone',
      host: target,
      next: expect.arrayContaining([expect.stringContaining(`stop Patroni on ${target}`)]),
    });
    // It is open, as a node that the cut-over has opened would be.
    expect((await play(chosenInventory(lab), 'rejoin.yml', { target })).error).toMatchObject({
      kind: 'refused',
      code: 'promoted-data-gone',
    });
    await patroni(lab, target, 'stop');
    await leads(lab, leader);
    for (const node of others(target)) if (node !== leader) await patroni(lab, node, 'start');
    await leads(
      lab,
      leader,
      others(target).filter((node) => node !== leader),
    );
    expect((await play(chosenInventory(lab), 'rollback.yml', { target })).error).toBeUndefined();
    await healthy(lab, 180_000);
    expect(await currentLeader(lab)).toBe(leader);
    await serves(lab, scene, 'after the way back');
  } finally {
    await lab.mustExec(target, ['rm', '-rf', `${data}.elsewhere`]);
  }
}, 900_000);
