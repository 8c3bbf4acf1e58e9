import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, patroniPort } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';

const FILE = '/etc/patroni/patroni.yml';
const KEPT = '/etc/patroni/patroni.yml.of-the-lab';

/** Writes a member's Patroni configuration anew, from the lab's own, which is kept beside; takes force with a restart. */
export async function writeConfiguration(
  lab: Lab,
  host: DatabaseHost,
  change: (text: string) => string,
): Promise<void> {
  await lab.mustExec(host, ['sh', '-c', `[ -e ${KEPT} ] || cp -p ${FILE} ${KEPT}`]);
  const before = await lab.mustExec(host, ['cat', KEPT]);
  const after = change(before);
  if (after === before) throw new Error("nothing was changed in Patroni's configuration");
  await lab.mustExec(host, ['sh', '-c', `printf '%s' "$1" > ${FILE}`, 'sh', after]);
}

/** Puts the lab's own file back; whether there was one to put back. */
export async function putConfigurationBack(lab: Lab, host: DatabaseHost): Promise<boolean> {
  return (await lab.exec(host, ['sh', '-c', `[ -e ${KEPT} ] && mv ${KEPT} ${FILE}`])).exitCode === 0;
}

export async function service(
  lab: Lab,
  host: DatabaseHost,
  word: 'start' | 'stop' | 'restart',
): Promise<void> {
  await lab.mustExec(host, ['supervisorctl', word, 'patroni'], { deadlineMs: 300_000 });
}

/** What a node's own Patroni says of itself, once that is as wanted. */
export async function untilNode(
  lab: Lab,
  host: DatabaseHost,
  what: string,
  done: (node: Readonly<Record<string, unknown>>) => boolean,
): Promise<void> {
  const ask = ['curl', '-s', '--max-time', '3', `http://localhost:${patroniPort}/patroni`];
  await waitFor({
    what: `${host}: ${what}`,
    deadlineMs: 300_000,
    attempt: async () => (await lab.exec(host, ask)).stdout,
    done: (answer) => answer !== '' && done(JSON.parse(answer) as Readonly<Record<string, unknown>>),
    describe: (answer) => answer,
  });
}
