import { beforeAll, describe, expect, it } from 'vitest';
import type { Lab } from '../../lab/lab.ts';
import { sharedLab } from '../support/lab.ts';
import { pitr } from '../support/pitr.ts';

let lab: Lab;

beforeAll(async () => {
  lab = await sharedLab();
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
      { host: cluster.leader, archive_mode: 'on', ready: expect.any(Number) },
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
