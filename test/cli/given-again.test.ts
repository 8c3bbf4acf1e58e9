import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { peekCommand } from '../../cli/recover/carry-out.ts';
import { listRuns } from '../../lib/engine/journal/read.ts';
import { keepRunsIn, newDirectory } from '../engine/support.ts';
import { runHere } from '../support/run-here.ts';

const SECRETS = ['-e', 'pitr_become_password=opensesame', '-e', 'api_token=canary'];

/** A run that was given secrets has written a file, and failed after that. */
async function failed(...secrets: readonly string[]) {
  return failedOn('', ...secrets);
}

const NOT_YET = '{ name: not yet, core.assert: { that: 1 == 2 } }';

/** The same where the inventory has these variables, too. */
async function failedOn(vars: string, ...secrets: readonly string[]) {
  return failedIn(vars, NOT_YET, ...secrets);
}

async function failedIn(vars: string, last: string, ...secrets: readonly string[]) {
  const directory = await newDirectory();
  keepRunsIn(join(directory, 'state'));
  const hosts = `{ one: { ansible_connection: local } }, vars: { ${vars} }`;
  await writeFile(join(directory, 'hosts.yml'), `all: { hosts: ${hosts} }\n`);
  await writeFile(
    join(directory, 'play.yml'),
    `- hosts: one
  tasks:
    - { name: write, fs.copy: { dest: ${directory}/file, content: x } }
    - ${last}
`,
  );
  const run = await runHere(directory, 'play', 'play.yml', '-i', 'hosts.yml', ...secrets);
  const [id = ''] = await listRuns(join(directory, 'state'));
  const words = (text: string) =>
    text.match(new RegExp(`pitr (resume|undo) ${id}.*`, 'g'))?.map((line) => line.replaceAll(id, 'RUN'));
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

it('it stands in what any error says is to be typed next, too', async () => {
  const next =
    '["Go on: pitr resume {{ run_id }} -e sure=true", "Or: pitr undo {{ run_id }}, or pitr undo {{ run_id }}"]';
  const last = `core.assert: { that: 1 == 2, fail_msg: no, next: ${next} }`;
  const { words, said } = await failedIn('', last, ...SECRETS);
  expect(words(said)?.slice(0, 2)).toEqual([
    `pitr resume RUN -K -e 'api_token=...' -e sure=true`,
    'pitr undo RUN -K, or pitr undo RUN -K',
  ]);
});

it('it stands in the command that looks at the data of a recovery', async () => {
  const { id } = await failed(...SECRETS);
  expect(await peekCommand(id)).toBe(`pitr peek ${id} -K`);
  expect(await peekCommand((await failed()).id)).toMatch(/^pitr peek \S+$/);
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

it('a secret that leads to hosts by another name is asked for again, too: no old default is tried in its place', async () => {
  const way = 'ansible_become_password: "{{ way_password }}", way_password: "{{ vault_password }}"';
  const { directory, id, words, said } = await failedOn(
    `${way}, vault_password: stale`,
    ...['-e', 'vault_password=opensesame', '-e', 'api_token=canary'],
  );
  const printed = [
    `pitr resume RUN -e 'vault_password=...' -e 'api_token=...'`,
    `pitr undo RUN -e 'vault_password=...' --check`,
    `pitr undo RUN -e 'vault_password=...'`,
  ];
  expect(words(said)).toEqual(printed);
  expect(words((await runHere(directory, 'runs', id)).stdout)).toEqual(printed);
  const { code, stderr } = await runHere(directory, 'undo', id, '--yes');
  expect([code, stderr]).toEqual([64, expect.stringContaining(`Give it again: -e vault_password=...`)]);
  expect((await runHere(directory, 'undo', id, '-e', 'vault_password=opensesame', '--yes')).code).toBe(0);
});

it('where the inventory cannot be read any more, what can be told without it is', async () => {
  const { directory, id, words } = await failed(
    '-e',
    'pitr_become_password=opensesame',
    '-e',
    'api_token=canary',
  );
  await writeFile(join(directory, 'hosts.yml'), 'all: [\n');
  expect(words((await runHere(directory, 'runs', id)).stdout)?.at(-1)).toBe('pitr undo RUN -K');
});
