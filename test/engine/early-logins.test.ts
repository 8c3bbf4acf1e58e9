import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { silentPort } from '../support/silent-port.ts';
import { type StartedSshd, startSshd } from '../support/sshd.ts';
import { newDirectory, play } from './support.ts';

/** Leads to an SSH server, and does this when somebody comes. */
async function watched(sshd: StartedSshd, met: () => Promise<void>): Promise<number> {
  const server = createServer((near) => {
    void met();
    const far = connect(sshd.port, '127.0.0.1');
    near.pipe(far).pipe(near);
    for (const socket of [near, far]) socket.on('error', () => near.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

const reach = ({ user, identityFile }: StartedSshd, port: number) => ({
  ansible_connection: 'ssh',
  ansible_host: '127.0.0.1',
  ansible_port: port,
  ansible_user: user,
  ansible_ssh_private_key_file: identityFile,
  ansible_ssh_common_args: '-o StrictHostKeyChecking=no',
  pitr_known_hosts: '/dev/null',
});

it('hosts that a run will use are logged in to while the first one is still at work', async () => {
  const directory = await newDirectory();
  const sshd = await startSshd();
  onTestFinished(sshd.stop);
  const port = await watched(sshd, () => writeFile(join(directory, 'met'), ''));
  await writeFile(
    join(directory, 'hosts.yml'),
    JSON.stringify({
      all: { hosts: { here: { ansible_connection: 'local', other: 'far' }, far: reach(sshd, port) } },
    }),
  );
  const { results } = await play(
    `
- hosts: here
  tasks:
    - { name: first, core.shell: "until [ -e DIR/met ]; do sleep 0.05; done", timeout: 30 }
    - { name: then, delegate_to: "{{ other }}", core.shell: "true" }
`,
    { directory, inventories: [join(directory, 'hosts.yml')] },
  );
  expect(results).toEqual(['here: first: changed', 'here: then: changed']);
});

/** First something on this machine, for a second, and then something on a host that is reached so. */
async function firstHereThen(far: object): Promise<readonly string[]> {
  const directory = await newDirectory();
  await writeFile(
    join(directory, 'hosts.yml'),
    JSON.stringify({ all: { hosts: { here: { ansible_connection: 'local' }, far } } }),
  );
  const { results } = await play(
    `
- hosts: here
  tasks:
    - { name: first, core.shell: "sleep 1" }
    - { name: then, delegate_to: far, core.shell: "true" }
`,
    { directory, inventories: [join(directory, 'hosts.yml')] },
  );
  return results;
}

it('one that does not answer is told by the task that needs it, and by no other', async () => {
  await using silent = await silentPort();
  const sshd = await startSshd();
  onTestFinished(sshd.stop);
  const results = await firstHereThen({ ...reach(sshd, silent.port), ansible_timeout: 1 });
  expect(results).toEqual(['here: first: changed', 'here: then: unreachable']);
});

it('no host is logged in to early with a password: a wrong one would be given twice', async () => {
  const sshd = await startSshd();
  onTestFinished(sshd.stop);
  const { ansible_ssh_private_key_file: _, ...way } = reach(sshd, sshd.port);
  const results = await firstHereThen({ ...way, ansible_password: 'wrong' });
  expect(results).toEqual(['here: first: changed', 'here: then: unreachable']);
  expect(sshd.log().match(/Connection from/g)).toHaveLength(1);
});
