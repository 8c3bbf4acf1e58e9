import { afterAll, beforeAll, expect, it } from 'vitest';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { killedWhen } from '../faults/killed.ts';
import { chosenInventory, sharedLab } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';

let lab: Lab;
let leader: DatabaseHost;
const config = (): string => `/etc/barman.d/${leader}.conf`;
const atWork = async (): Promise<string> =>
  (await lab.exec('barman', ['pgrep', '-af', 'barman backup'])).stdout;

beforeAll(async () => {
  lab = await sharedLab();
  leader = await currentLeader(lab);
  // Slow enough to be killed in the copy, of which nothing is taken from an older backup.
  await lab.mustExec('barman', [
    'sh',
    '-c',
    `cp -a ${config()} /tmp/slow.conf; sed -i 's/^reuse_backup.*/reuse_backup = off/' ${config()}; echo 'bandwidth_limit = 400' >>${config()}`,
  ]);
});

afterAll(async () => {
  await lab.mustExec('barman', ['sh', '-c', `cp -a /tmp/slow.conf ${config()}`]);
});

it('a backup whose controller was killed is ended by the undo, in a container too', async () => {
  const killed = await killedWhen(['play', 'backup.yml', '-i', chosenInventory(lab)], (event) =>
    event.type === 'host.progress' && /copied/.test(event.text) ? 0 : undefined,
  );
  expect(killed.killed).toBe(true);
  expect(await atWork()).toContain('barman backup');
  const undone = await pitr(['undo', killed.runId, '--yes', '--output', 'json']);
  expect([undone.exitCode, runError(undone.events)]).toEqual([0, undefined]);
  await waitFor({
    what: 'no barman backup at work',
    deadlineMs: 30_000,
    attempt: atWork,
    done: (found) => found === '',
    describe: (found) => found,
  });
});
