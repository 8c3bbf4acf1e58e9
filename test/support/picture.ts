import { readMembers } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';

/** Arguments: the data directory. What it is, what lies beside it, and the PostgreSQL at work in it, by its start. */
const OF_A_NODE = 'ls -di "$1"*; head -n 3 "$1/postmaster.pid" 2>/dev/null || :';

/**
 * What must not change by a command that is refused: every data directory and its server, who leads, and who is shut out.
 */
export async function picture(lab: Lab): Promise<unknown> {
  const data = await Promise.all(
    lab.shape.members.map((host) =>
      lab.mustExec(host, ['sh', '-c', OF_A_NODE, 'sh', lab.shape.dataDirectory(host)]),
    ),
  );
  // Patroni lists one that has left for half a minute more.
  const members = (await readMembers(lab))
    .filter(({ state }) => state !== 'stopped')
    .map(({ name, role, timeline }) => [name, role, timeline]);
  const claims = await lab.mustExec('barman', ['sh', '-c', 'cat ~barman/.pitr/*.json 2>/dev/null || :']);
  return { data, members, claims };
}
