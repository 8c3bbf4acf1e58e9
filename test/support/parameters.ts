import { sql } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { type DatabaseHost, databaseHosts } from '../../lab/topology.ts';
import { waitFor } from '../../lab/wait.ts';
import { healthy } from './lab.ts';

const CONFIG = ['-c', '/etc/patroni/patroni.yml'];

/**
 * Sets PostgreSQL's parameters as an operator does it: in the dynamic configuration (`null` takes one out of it), and
 * then every member is restarted until all of them show the given values, in the order of the names.
 */
export async function setParameters(
  lab: Lab,
  leader: DatabaseHost,
  parameters: Readonly<Record<string, string | null>>,
  shown: Readonly<Record<string, string>>,
): Promise<void> {
  const words = Object.entries(parameters).flatMap(([name, value]) => ['--pg', `${name}=${value ?? 'null'}`]);
  await lab.mustExec(leader, ['patronictl', ...CONFIG, 'edit-config', '--force', '--quiet', ...words]);
  const listed = await lab.mustExec(leader, ['patronictl', ...CONFIG, 'list', '-f', 'json']);
  const [{ Cluster: cluster }] = JSON.parse(listed) as [{ readonly Cluster: string }];
  const names = Object.keys(shown);
  const wanted = Object.values(shown).join(' ');
  await waitFor({
    what: `${names.join(', ')} as ${wanted} on every member`,
    deadlineMs: 180_000,
    attempt: async () => {
      await lab.mustExec(leader, ['patronictl', ...CONFIG, 'restart', '--force', '--pending', cluster], {
        deadlineMs: 300_000,
      });
      const question = `select concat_ws(' ', ${names.map((name) => `current_setting('${name}')`).join(', ')})`;
      return Promise.all(databaseHosts.map((host) => sql(lab, host, question).catch(String)));
    },
    done: (values) => values.every((text) => text.trim() === wanted),
    describe: (values) => values.map((text) => text.trim()).join(', '),
  });
  await healthy(lab);
}
