import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once as onceEvent } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { checkoutRoot } from '../lab/checkout.ts';
import { type StartedSshd, startSshd } from '../test/support/sshd.ts';
import { inventoryOf } from './hosts.ts';
import { once } from './measure.ts';
import { writeWorkloads } from './workloads.ts';

const CLI = join(checkoutRoot, 'dist', 'cli', 'main.js');
const SIMULATED = join(checkoutRoot, 'dist', 'bench', 'simulated-hosts.js');
const REAL_HOSTS = 50;
const HOSTS = [100, 250, 500, 1000] as const;
const MANY_TASKS = 1000;

/** Time and memory of the controller with many hosts: fifty sshds, then simulated ones behind a real SSH server. */
export async function scale(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-scale-'));
  const measured = async (
    what: string,
    playbook: string,
    inventory: string,
    forks: number,
  ): Promise<void> => {
    const cost = await once({
      argv: [
        process.execPath,
        CLI,
        'play',
        playbook,
        '-i',
        inventory,
        '-f',
        String(forks),
        '--output',
        'text',
      ],
      env: { PITR_STATE_DIR: join(directory, 'state') },
    });
    const load = loadavg()[0]?.toFixed(1);
    process.stdout.write(
      `${what.padEnd(44)} ${(cost.ms / 1000).toFixed(1).padStart(6)} s ${cost.mib.toFixed(0).padStart(5)} MiB   load ${load}\n`,
    );
  };
  const real: StartedSshd[] = [];
  let simulated: ChildProcessByStdio<null, Readable, null> | undefined;
  try {
    // One after the other: side by side two may choose the same free port.
    while (real.length < REAL_HOSTS) real.push(await startSshd());
    const work = await writeWorkloads(directory);
    const hosts = await inventoryOf(real, REAL_HOSTS, directory);
    await measured(`${REAL_HOSTS} sshds x 20 commands`, work.commands.pitr, hosts.inventory, REAL_HOSTS);
    const identity = real[0]?.identityFile ?? '';
    simulated = spawn(process.execPath, [SIMULATED, identity], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [said] = (await onceEvent(simulated.stdout, 'data')) as [Buffer];
    const [port = '', type = '', key = ''] = said.toString().trim().split(' ');
    const knownHosts = join(directory, 'known');
    await writeFile(knownHosts, `[127.0.0.1]:${port} ${type} ${key}\n`);
    const inventory = async (count: number): Promise<string> => {
      const file = join(directory, `simulated${count}.yml`);
      const vars = `    ansible_host: 127.0.0.1\n    ansible_port: ${port}\n    ansible_user: root\n    ansible_ssh_private_key_file: ${identity}\n    pitr_known_hosts: ${knownHosts}\n`;
      await writeFile(file, `all:\n  vars:\n${vars}  hosts:\n    web[1:${count}]: {}\n`, { mode: 0o600 });
      return file;
    };
    for (const count of HOSTS)
      await measured(
        `${count} simulated hosts x 20 commands`,
        work.commands.pitr,
        await inventory(count),
        count,
      );
    const many = join(directory, 'many.yml');
    const tasks = Array.from({ length: MANY_TASKS }, () => '    - command: "true"\n');
    await writeFile(many, `- hosts: all\n  gather_facts: false\n  tasks:\n${tasks.join('')}`);
    await measured(`1 simulated host x ${MANY_TASKS} commands`, many, await inventory(1), 1);
  } finally {
    simulated?.kill();
    await Promise.all(real.map((sshd) => sshd.stop()));
    await rm(directory, { recursive: true, force: true });
  }
}
