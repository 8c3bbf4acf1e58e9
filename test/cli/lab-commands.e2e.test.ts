import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { COMMAND_NAMES, COMMANDS } from '../../cli/commands.ts';
import { checkoutRoot } from '../../lab/checkout.ts';
import type { Lab } from '../../lab/lab.ts';
import { sharedLab } from '../support/lab.ts';
import { pitr } from '../support/pitr.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await sharedLab();
});

/** Runs a line as an operator types it, on the inventories of the lab that is up. */
function typed(
  line: string,
  cwd: string,
): Promise<{ readonly code: number | null; readonly output: string }> {
  const shell = 'main=$1; pitr() { "$NODE" "$main" "$@"; }; eval "$2"';
  const onThisLab = line
    .replaceAll('inventory/lab-docker.yml', lab.files.dockerInventory)
    .replaceAll('inventory/lab-ssh.yml', lab.files.sshInventory)
    .replaceAll('docker:pitr-lab-', `docker:${lab.prefix}-`);
  return new Promise((resolve, reject) => {
    const child = spawn('sh', ['-c', shell, 'sh', join(checkoutRoot, 'dist/cli/main.js'), onThisLab], {
      cwd,
      env: { ...process.env, NODE: process.execPath },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    }
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}

describe('the examples of the help', () => {
  // what names machines that only an example has
  const elsewhere = /example\.com|127\.0\.0\.1/;
  // a healthy lab has a backup that was never restored: doctor warns
  const codes = (name: string): readonly (number | null)[] => (name === 'doctor' ? [0, 1] : [0]);

  // those of `play` and `recover` recover a node, which other suites do; those of the others name runs of yours
  it.each(
    COMMAND_NAMES.filter(
      (name) => !['play', 'recover', 'peek', 'runs', 'resume', 'undo', 'commit'].includes(name),
    ),
  )('of %s work as they are written', async (name) => {
    const command = await COMMANDS[name]?.load();
    // what writes files writes them somewhere else
    const cwd = ['init', 'new', 'schema'].includes(name)
      ? await mkdtemp(join(tmpdir(), 'pitr-examples-'))
      : checkoutRoot;
    for (const example of command?.examples ?? []) {
      if (elsewhere.test(example.command)) continue;
      const { code, output } = await typed(example.command, cwd);
      expect(codes(name), `${example.command}\n${output}`).toContain(code);
    }
    if (cwd !== checkoutRoot) await rm(cwd, { recursive: true });
  });
});

describe.each(['docker', 'ssh'] as const)('over %s', (transport) => {
  const inventory = () => (transport === 'docker' ? lab.files.dockerInventory : lab.files.sshInventory);
  const json = async (command: string, ...words: string[]) => {
    const { exitCode, stdout, stderr } = await pitr([
      command,
      '-i',
      inventory(),
      '--output',
      'json',
      ...words,
    ]);
    expect({ exitCode, stderr }, stdout).toEqual({ exitCode: 0, stderr: '' });
    return stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
  };

  it('ping reaches every host', async () => {
    const answers = await json('ping');
    expect(answers.map(({ host }) => host).sort()).toEqual(['barman', 'db1', 'db2', 'db3', 'db4', 'etcd']);
    for (const answer of answers)
      expect(answer).toMatchObject({ type: 'ping.host', status: 'ok', user: 'root' });
  });

  it('status knows one leader, all members and whether WAL is archived', async () => {
    const lines = await json('status');
    const [cluster] = lines.filter(({ type }) => type === 'cluster');
    const members = lines.filter(({ type }) => type === 'member');
    expect(members.map(({ member }) => member).sort()).toEqual(['db1', 'db2', 'db3', 'db4']);
    expect(members.filter(({ role }) => role === 'leader').map(({ member }) => member)).toEqual([
      cluster.leader,
    ]);
    expect(lines.filter(({ type }) => type === 'archiver')).toMatchObject([
      { host: cluster.leader, archive_mode: 'on' },
    ]);
  });

  it('exec carries words as they are and tells who failed', async () => {
    const words = ['$HOME', "it's", 'a  b', '', '*'];
    const [answer] = await json('exec', 'db1', '--', 'printf', '%s|', ...words);
    expect(answer).toMatchObject({
      host: 'db1',
      exitCode: 0,
      stdout: words.map((word) => `${word}|`).join(''),
    });
  });
});

describe('a host that cannot be reached', () => {
  it('has exit code 4, and the others still answer', async () => {
    const { exitCode, stdout } = await pitr([
      ...['ping', 'db1,db2', '-i', lab.files.dockerInventory, '--output', 'json'],
      ...['-e', 'ansible_host=no-such-container'],
    ]);
    expect(exitCode).toBe(4);
    expect(stdout).toContain('"kind":"unreachable"');
  });
});
