import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { readStory } from '../../lib/engine/back/story.ts';
import { undoRun } from '../../lib/engine/back/undo.ts';
import { planUndo } from '../../lib/engine/back/undo-plan.ts';
import { errorOf } from '../support/errors.ts';
import { runHere } from '../support/run-here.ts';
import { silentPort } from '../support/silent-port.ts';
import { startSshd } from '../support/sshd.ts';
import { newDirectory, play } from './support.ts';

/** A run that has changed db1 and failed; what comes next finds nobody there. */
async function awaySince() {
  const directory = await newDirectory();
  const sshd = await startSshd();
  onTestFinished(sshd.stop);
  const silent = await silentPort();
  onTestFinished(() => silent[Symbol.asyncDispose]());
  const inventory = join(directory, 'hosts.yml');
  const reachedBy = (port: number, seconds: number) =>
    writeFile(
      inventory,
      JSON.stringify({
        all: {
          hosts: {
            db1: {
              ansible_connection: 'ssh',
              ansible_host: '127.0.0.1',
              ansible_port: port,
              ansible_user: sshd.user,
              ansible_ssh_private_key_file: sshd.identityFile,
              pitr_known_hosts: sshd.knownHostsFile,
              ansible_timeout: seconds,
            },
          },
        },
      }),
    );
  await reachedBy(sshd.port, 60);
  const yaml = `- hosts: db1
  tasks:
    - { name: made, fs.copy: { dest: DIR/made, content: x } }
    - { name: fails, core.assert: { that: 1 == 2 } }
`;
  const first = await play(yaml, { directory, inventories: [inventory] });
  expect(first.outcome.status).toBe('failed');
  expect(first.results).toContain('db1: made: changed');
  // A login is given up well after the moment in which nothing is said.
  await reachedBy(silent.port, 4);
  return { directory, runId: first.outcome.runId, port: silent.port, user: sshd.user };
}

it('resume and undo say for which host they wait, and how long', async () => {
  const { directory, runId, port, user } = await awaySince();
  const words = `db1 does not answer yet (ssh ${user}@127.0.0.1:${port}): after 4 s a login is given up`;
  const resumed = await runHere(directory, 'resume', runId);
  expect(resumed.stdout.split('\n')[0]).toBe(words);
  const undone = await runHere(directory, 'undo', runId, '--yes');
  expect(undone.stderr.split('\n')[0]).toBe(words);
  const told: string[] = [];
  const plan = await planUndo(await readStory(runId));
  const undo = { plan, inventories: [], extraVars: {}, again: '', report: () => {} };
  const signal = new AbortController().signal;
  expect((await errorOf(undoRun({ ...undo, signal, tell: (text) => told.push(text) }))).kind).toBe(
    'unreachable',
  );
  expect(told).toEqual([words]);
});
