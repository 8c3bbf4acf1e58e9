import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { listRuns } from '../../lib/engine/journal/read.ts';
import { keepRunsIn, newDirectory } from '../engine/support.ts';
import { runHere } from '../support/run-here.ts';

const SECRETS = ['-e', 'pitr_become_password=opensesame', '-e', 'api_token=canary'];

/** A run that was given secrets has written a file, and failed after that. */
async function failed(...secrets: readonly string[]) {
  const directory = await newDirectory();
  keepRunsIn(join(directory, 'state'));
  await writeFile(join(directory, 'hosts.yml'), 'all: { hosts: { one: { ansible_connection: local } } }\n');
  await writeFile(
    join(directory, 'play.yml'),
    `- hosts: one
  tasks:
    - { name: write, fs.copy: { dest: ${directory}/file, content: x } }
    - { name: not yet, core.assert: { that: 1 == 2 } }
`,
  );
  const run = await runHere(directory, 'play', 'play.yml', '-i', 'hosts.yml', ...secrets);
  const [id = ''] = await listRuns(join(directory, 'state'));
  const words = (text: string) =>
    text.match(new RegExp(`pitr (resume|undo) ${id}.*`, 'g'))?.map((line) => line.replace(id, 'RUN'));
  return { directory, id, words, said: run.stdout + run.stderr };
}

it('what a run was given in secret stands in the commands that go on with it: without it they would be refused', async () => {
  const { directory, id, words, said } = await failed(...SECRETS);
  const printed = [`pitr resume RUN -K -e 'api_token=...'`, 'pitr undo RUN -K --check', 'pitr undo RUN -K'];
  expect(words(said)).toEqual(printed);
  expect(words((await runHere(directory, 'runs', id)).stdout)).toEqual(printed);
  const without = await runHere(directory, 'undo', id, '--yes');
  expect([without.code, without.stderr]).toEqual([64, expect.stringContaining('Give it again: -K')]);
});

it('a password that a file gives is not asked for', async () => {
  process.env.PITR_BECOME_PASSWORD_FILE = '/root/become';
  onTestFinished(() => {
    delete process.env.PITR_BECOME_PASSWORD_FILE;
  });
  const { words, said } = await failed(...SECRETS);
  expect(words(said)).toEqual([
    `pitr resume RUN -e 'api_token=...'`,
    'pitr undo RUN --check',
    'pitr undo RUN',
  ]);
});

it('a printed command does not run as it stands, whatever the variable is called that holds a secret', async () => {
  const { directory, id, words, said } = await failed('-e', '{"db": {"password": "canary"}}');
  expect(words(said)?.[0]).toBe(`pitr resume RUN -e 'db=...'`);
  const { code, stderr } = await runHere(directory, 'resume', id, '-e', 'db=...', '--yes');
  expect([code, stderr]).toEqual([64, expect.stringContaining('db')]);
});
