import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type StartedSshd, startSshd } from '../test/support/sshd.ts';

/** Hosts of a benchmark: sshds on 127.0.0.1, and the inventories that name them. */
export interface BenchHosts {
  readonly count: number;
  readonly sshds: readonly StartedSshd[];
  /** YAML that pitr and Ansible both read. */
  readonly inventory: string;
}

/** Writes an inventory of the first `count` of these sshds. */
export async function inventoryOf(
  sshds: readonly StartedSshd[],
  count: number,
  directory: string,
): Promise<BenchHosts> {
  const chosen = sshds.slice(0, count);
  const lines = chosen.flatMap(({ port, user, identityFile, knownHostsFile }, index) => [
    `    host${index}:`,
    '      ansible_host: 127.0.0.1',
    `      ansible_port: ${port}`,
    `      ansible_user: ${user}`,
    `      ansible_ssh_private_key_file: ${identityFile}`,
    `      pitr_known_hosts: ${knownHostsFile}`,
    `      files: ${join(directory, `files${index}`)}`,
  ]);
  const inventory = join(directory, `hosts${count}.yml`);
  await writeFile(inventory, `all:\n  hosts:\n${lines.join('\n')}\n`);
  await Promise.all(chosen.map((_, index) => mkdir(join(directory, `files${index}`), { recursive: true })));
  return { count, sshds: chosen, inventory };
}

export function startHosts(count: number): Promise<readonly StartedSshd[]> {
  return Promise.all(Array.from({ length: count }, () => startSshd({ config: ['MaxSessions 50'] })));
}

/** One file with the keys of all hosts, for Ansible's ssh, which takes it for all hosts at once. */
export async function commonKnownHosts(sshds: readonly StartedSshd[], directory: string): Promise<string> {
  const file = join(directory, 'known_hosts');
  const keys = await Promise.all(sshds.map(({ knownHostsFile }) => readFile(knownHostsFile, 'utf8')));
  await writeFile(file, keys.join(''));
  return file;
}
