import type { Lab } from '../../lab/lab.ts';
import type { HostName } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';

/** Takes a fault away again. Doing it twice does no harm. */
export type Mend = () => Promise<void>;

/** Process ids on a host whose command line matches an extended regular expression. */
export async function processes(lab: Lab, host: HostName, pattern: string): Promise<readonly string[]> {
  const script = 'ps -eo pid,args --no-headers | grep -E -- "$1" | grep -v -e grep -e "sh -c ps" || :';
  const found = await lab.mustExec(host, ['sh', '-c', script, 'sh', pattern]);
  return found.split('\n').flatMap((line) => /^\s*(\d+)/.exec(line)?.[1] ?? []);
}

/** Waits until there is one, as briefly as can be. */
export async function appeared(lab: Lab, host: HostName, pattern: string): Promise<readonly string[]> {
  return waitFor({
    what: `a process "${pattern}" on ${host}`,
    deadlineMs: 180_000,
    everyMs: 50,
    attempt: () => processes(lab, host, pattern),
    done: (pids) => pids.length > 0,
    describe: () => 'none',
  });
}

/** Sends a signal to those that there are; none is an error. */
export async function signalTo(lab: Lab, host: HostName, signal: string, pattern: string): Promise<void> {
  const pids = await appeared(lab, host, pattern);
  await lab.mustExec(host, ['kill', `-${signal}`, ...pids]);
}

/** Freezes those that match, until it is mended. */
export async function freeze(lab: Lab, host: HostName, pattern: string): Promise<Mend> {
  const pids = await appeared(lab, host, pattern);
  await lab.mustExec(host, ['kill', '-STOP', ...pids]);
  return async () => {
    await lab.exec(host, ['kill', '-CONT', ...pids]);
  };
}

/** Stops a service of a host, and starts it again when it is mended. */
export async function stopService(lab: Lab, host: HostName, name: string): Promise<Mend> {
  await lab.mustExec(host, ['supervisorctl', 'stop', name]);
  return async () => {
    await lab.exec(host, ['supervisorctl', 'start', name]);
  };
}
