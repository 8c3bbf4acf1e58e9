import { afterAll, beforeAll, expect, it } from 'vitest';
import { currentLeader, readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { chosenInventory, healthy, sharedLab } from '../support/lab.ts';
import { tasksThat } from '../support/pitr.ts';
import { play } from '../support/play.ts';

let lab: Lab;
let leader: DatabaseHost;
let target: DatabaseHost;

const edit = (...words: string[]) =>
  lab.mustExec(leader, [
    ...['patronictl', '-c', '/etc/patroni/patroni.yml', 'edit-config', '--force', '--quiet'],
    ...words,
  ]);

beforeAll(async () => {
  lab = await sharedLab();
  leader = await currentLeader(lab);
  target = databaseHosts.find((host) => host !== leader) ?? 'db2';
  await edit('--set', 'standby_cluster.host=127.0.0.9', '--set', 'standby_cluster.port=5431');
  await waitFor({
    what: 'a standby leader',
    deadlineMs: 180_000,
    attempt: () => readMembers(lab),
    done: (members) => members.some(({ role }) => role === 'standby_leader'),
    describe: (members) => members.map(({ name, role }) => `${name} ${role}`).join(', '),
  });
});

afterAll(async () => {
  // As the refusal says it.
  await edit('--set', 'standby_cluster=null');
  await healthy(lab);
});

it.each([
  ['recover.yml', { target_time: 'latest', auto_start: 'true' }],
  ['recover.yml', { target_time: 'latest' }],
  ['cutover.yml', {}],
  ['rejoin.yml', {}],
])('a standby cluster is refused by %s %j before anything is touched', async (playbook, vars) => {
  const { error, events } = await play(chosenInventory(lab), playbook, { target, ...vars });
  expect(error).toMatchObject({
    kind: 'refused',
    code: 'standby-cluster',
    details: expect.arrayContaining(['It follows 127.0.0.9, port 5431.']),
  });
  expect(error?.next?.join('\n')).toContain('edit-config --set standby_cluster=null');
  expect(tasksThat('changed', events).filter((task) => !task.includes('Lock the cluster'))).toEqual([]);
});
