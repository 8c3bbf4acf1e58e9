import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Lab } from '../../lab/lab.ts';
import { containerName, type HostName } from '../../lab/topology.ts';
import { type Mend, signalTo } from './inject-process.ts';
import type { Controller } from './operator.ts';

const execute = promisify(execFile);

/** Ends the servers of the SSH sessions in which somebody is logged in as root: the controller, and nobody else. */
export async function cutSsh(lab: Lab, host: HostName): Promise<void> {
  await signalTo(lab, host, 'KILL', '^ *[0-9]+ sshd[^:]*: root@');
}

/** Kills the `docker exec` clients by which the controller works on a host. */
export async function cutDocker(lab: Lab, host: HostName, controller: Controller): Promise<void> {
  const { stdout } = await execute('ps', ['--ppid', String(controller.pid), '-o', 'pid=,args=']);
  const name = containerName(lab.prefix, host);
  const pids = stdout
    .split('\n')
    .filter((line) => line.includes(' exec ') && line.includes(` ${name} `))
    .flatMap((line) => /^\s*(\d+)/.exec(line)?.[1] ?? []);
  if (pids.length === 0) throw new Error(`the controller has no connection to ${name}:\n${stdout}`);
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
}

/** The container of a host stands still, with all that works in it, until it is mended. */
export async function pauseHost(lab: Lab, host: HostName): Promise<Mend> {
  const name = containerName(lab.prefix, host);
  await execute('docker', ['pause', name]);
  let paused = true;
  return async () => {
    if (paused) await execute('docker', ['unpause', name]);
    paused = false;
  };
}
