import { readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import type { DatabaseHost } from '../../lab/topology.ts';
import { healthy } from './lab.ts';
import { putConfigurationBack, writeConfiguration } from './member-files.ts';

/** Changes Patroni's configuration on a replica and restarts its Patroni; the lab's own file is kept beside. */
export async function configurePatroni(
  lab: Lab,
  host: DatabaseHost,
  change: (text: string) => string,
): Promise<void> {
  await writeConfiguration(lab, host, change);
  await restarted(lab, host);
}

/** Puts the lab's own configuration back where it was changed. */
export async function restorePatroni(lab: Lab, host: DatabaseHost): Promise<void> {
  if (await putConfigurationBack(lab, host)) await restarted(lab, host);
}

/** A leader is told to leave its PostgreSQL alone: a restart of Patroni would make it hand over. */
async function restarted(lab: Lab, host: DatabaseHost): Promise<void> {
  const members = await readMembers(lab).catch(() => []);
  const leads = members.some(({ name, role }) => name === host && role === 'leader');
  await lab.mustExec(host, ['supervisorctl', ...(leads ? ['signal', 'HUP'] : ['restart']), 'patroni']);
  await healthy(lab);
}
