import { readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { healthy } from './lab.ts';

const FILE = '/etc/patroni/patroni.yml';
const KEPT = '/etc/patroni/patroni.yml.of-the-lab';

/** Changes Patroni's configuration on a replica and restarts its Patroni; the lab's own file is kept beside. */
export async function configurePatroni(
  lab: Lab,
  host: DatabaseHost,
  change: (text: string) => string,
): Promise<void> {
  await lab.mustExec(host, ['sh', '-c', `[ -e ${KEPT} ] || cp -p ${FILE} ${KEPT}`]);
  const before = await lab.mustExec(host, ['cat', KEPT]);
  const after = change(before);
  if (after === before) throw new Error("nothing was changed in Patroni's configuration");
  await lab.mustExec(host, ['sh', '-c', `printf '%s' "$1" > ${FILE}`, 'sh', after]);
  await restarted(lab, host);
}

/** Puts the lab's own configuration back where it was changed. */
export async function restorePatroni(lab: Lab, host: DatabaseHost): Promise<void> {
  const kept = await lab.exec(host, ['mv', KEPT, FILE]);
  if (kept.exitCode === 0) await restarted(lab, host);
}

/** A leader is told to leave its PostgreSQL alone: a restart of Patroni would make it hand over. */
async function restarted(lab: Lab, host: DatabaseHost): Promise<void> {
  const members = await readMembers(lab).catch(() => []);
  const leads = members.some(({ name, role }) => name === host && role === 'leader');
  await lab.mustExec(host, ['supervisorctl', ...(leads ? ['signal', 'HUP'] : ['restart']), 'patroni']);
  await healthy(lab);
}
