import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { simulatedHosts } from '../../bench/simulated-server.ts';
import { startSshd } from '../support/sshd.ts';
import { newDirectory, play } from './support.ts';

it('a run changes the simulated hosts on which the cost of a thousand is measured', async () => {
  const directory = await newDirectory();
  const { identityFile, stop } = await startSshd();
  onTestFinished(stop);
  const { port, hostKey, stop: close } = await simulatedHosts(await readFile(identityFile));
  onTestFinished(close);
  const known = join(directory, 'known');
  await writeFile(known, `[127.0.0.1]:${port} ${hostKey}\n`);
  const vars = {
    ansible_host: '127.0.0.1',
    ansible_port: port,
    ansible_user: 'root',
    ansible_ssh_private_key_file: identityFile,
    pitr_known_hosts: known,
  };
  const inventory = join(directory, 'hosts.yml');
  await writeFile(inventory, JSON.stringify({ all: { vars, hosts: { 'web[1:5]': {} } } }));
  const { outcome } = await play(
    '- hosts: all\n  tasks:\n    - core.command: "true"\n    - core.command: "true"\n',
    {
      directory,
      inventories: [inventory],
    },
  );
  expect(outcome).toMatchObject({ status: 'ok', recap: { web1: { changed: 2 }, web5: { changed: 2 } } });
});
