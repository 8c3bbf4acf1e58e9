import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { commitAgain } from '../../cli/commit-command.ts';
import { proveHealthy } from '../../cli/healthy-cluster.ts';
import { Masker } from '../../lib/base/values/masker.ts';
import { listRuns } from '../../lib/engine/journal/read.ts';
import { errorOf } from '../support/errors.ts';
import { runHere } from '../support/run-here.ts';

// Nothing listens there.
const INVENTORY = `all:
  vars: { ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1, barman_host: barman, barman_user: barman,
    barman_ssh: barman@barman, barman_servers: [db1], patroni_cluster: main }
  children:
    barman: { hosts: { barman: {} } }
    patroni:
      vars: { pgdata: /srv/data, pg_user: postgres, pg_bin: /usr/bin, pg_port: 5432, barman_server: db1, restore_ssh: ssh }
      hosts: { db1: {}, db2: {} }
`;

async function directoryWithInventory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-words-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  await writeFile(join(directory, 'inventory.yml'), INVENTORY);
  return directory;
}

describe('a command that is printed to be typed has what says how the cluster is reached', () => {
  it('where a commit finds the cluster not healthy', async () => {
    const inventory = join(await directoryWithInventory(), 'inventory.yml');
    const masker = new Masker();
    const extraVars = { ansible_user: 'deploy', ansible_become_password: 'hunter2hunter2', backup: 'latest' };
    masker.learn(extraVars);
    const { next } = await errorOf(
      proveHealthy({
        inventories: [inventory],
        extraVars,
        masker,
        forks: 2,
        signal: new AbortController().signal,
        leftOut: new Set(),
        without: () => 'pitr commit',
        progress: () => {},
      }),
    );
    const site = `-i ${inventory} -e 'ansible_user=deploy' -e 'ansible_become_password=...'`;
    expect(next).toContain(`See it: pitr status ${site}`);
    expect(next).toContain(
      `Rebuild members that do not follow: pitr play rejoin.yml ${site} -e target=<leader>`,
    );
  });

  it('where pitr doctor says how a finding is mended', async () => {
    const directory = await directoryWithInventory();
    const words = ['doctor', '-i', 'inventory.yml', '-e', 'ansible_user=deploy', '--output', 'json'];
    const { stdout } = await runHere(directory, ...words);
    const commands = stdout.match(/pitr (?:ping|exec|play|backups|status) [^"]*/g) ?? [];
    expect(commands.length).toBeGreaterThan(0);
    for (const command of commands) expect(command).toContain("-i inventory.yml -e 'ansible_user=deploy'");
  });
});

describe('a command on a run that is printed to be typed again has what was given to it', () => {
  const SITE = "-i inventory.yml -e 'site=north' -e 'ansible_port=22'";
  const given = ['-i', 'inventory.yml', '-e', 'site=north', '-e', 'ansible_port=22'];

  /** A run of one change that has failed, in a directory with its inventory. */
  async function failedRun() {
    const directory = await mkdtemp(join(tmpdir(), 'pitr-words-'));
    const outer = process.env.PITR_STATE_DIR;
    process.env.PITR_STATE_DIR = join(directory, 'state');
    onTestFinished(async () => {
      if (outer === undefined) delete process.env.PITR_STATE_DIR;
      else process.env.PITR_STATE_DIR = outer;
      await rm(directory, { recursive: true });
    });
    await writeFile(
      join(directory, 'inventory.yml'),
      'all: { hosts: { one: { ansible_connection: local } } }\n',
    );
    const tasks = `- fs.file: { path: ${directory}/a, state: touch }\n    - fs.file: { path: ${directory}/b/c, state: touch }`;
    await writeFile(join(directory, 'site.yml'), `- hosts: one\n  tasks:\n    ${tasks}\n`);
    await runHere(directory, 'play', 'site.yml', '-i', 'inventory.yml');
    const [run = ''] = await listRuns();
    const told = async (...words: string[]): Promise<string> => {
      const { stdout, stderr } = await runHere(directory, ...words, ...given);
      return `${stdout}${stderr}`.replace(/\s+/g, ' ').replaceAll(run, 'RUN');
    };
    return { run, told };
  }

  it('by pitr undo', async () => {
    const { run, told } = await failedRun();
    expect(await told('undo', run, '--from', '1')).toContain(`If so: pitr undo RUN ${SITE} --from 1 --yes`);
    expect(await told('undo', run, '--without-lock', run)).toContain(
      `If so: pitr undo RUN ${SITE} --without-lock RUN --yes`,
    );
    expect(await told('undo', run, '--without-lock', '20260101T000000-0000')).toContain(
      `Without it: pitr undo RUN ${SITE} --without-lock RUN`,
    );
  });

  it('by pitr resume', async () => {
    const { run, told } = await failedRun();
    const said = await told('resume', run, '--without-lock', '20260101T000000-0000');
    expect(said).toContain(`With the lock: pitr resume RUN ${SITE} `);
    expect(said).toContain(`Without it: pitr resume RUN ${SITE} --without-lock RUN`);
  });

  it('by pitr commit', () => {
    const words = { reference: 'RUN', site: given, limit: 'all:!db3', trust: true };
    expect(commitAgain(words, '--yes')).toBe(
      `pitr commit RUN ${SITE} --limit 'all:!db3' --trust-journal --yes`,
    );
  });
});
