import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { withPlainSession } from '../../cli/plain-session.ts';
import { runChecklist } from '../../cli/recover/checklist.ts';
import { Masker } from '../../lib/base/values/masker.ts';
import { Secret } from '../../lib/base/values/secret.ts';
import { startSshd } from '../support/sshd.ts';
import { folder } from '../unit/language/playbook/support/folder.ts';

/** Encrypts the key, as that of a person is. */
function encrypt(file: string, passphrase: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const change = spawn('ssh-keygen', ['-q', '-p', '-P', '', '-N', passphrase, '-f', file]);
    change.once('error', reject).once('exit', resolve);
  });
}

it('the checklist after a recovery logs in as the recovery did, by a key whose passphrase is asked for', async () => {
  await using sshd = await startSshd();
  await encrypt(sshd.identityFile, 'open sesame');
  const { port, user, identityFile, knownHostsFile } = sshd;
  const host = {
    ansible_host: '127.0.0.1',
    ansible_port: port,
    ansible_user: user,
    ansible_ssh_private_key_file: identityFile,
    pitr_known_hosts: knownHostsFile,
  };
  await using place = await folder({ 'hosts.yml': JSON.stringify({ all: { hosts: { db2: host } } }) });
  let told = '';
  const io = {
    stdout: { write: (text: string) => (told += text) },
    stderr: { write: (text: string) => (told += text) },
    stdin: process.stdin,
    masker: new Masker(),
    env: {},
    cwd: place.path,
    signals: process,
    leaveNow: () => {},
  };
  const asked: string[] = [];
  await withPlainSession({ output: undefined, 'no-color': true }, io, async (session) =>
    runChecklist(
      { runId: 'r1', target: 'db2', targetTime: 'latest', words: 'the end', timeline: 1, tookOver: false },
      {
        inventories: [place.file('hosts.yml')],
        extraVars: { pgdata: '/nowhere/data' },
        forks: 1,
        masker: io.masker,
        askPassphrase: async (file) => {
          asked.push(file);
          return new Secret('open sesame');
        },
      },
      session,
    ),
  );
  expect(asked).toEqual([identityFile]);
  expect(told).not.toContain('does not let us in');
});
