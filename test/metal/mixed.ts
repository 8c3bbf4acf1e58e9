import { readFile, writeFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { parse } from 'yaml';
import type { Lab } from '../../lab/lab.ts';
import { containerName } from '../../lab/topology.ts';
import { pitr } from '../support/pitr.ts';

/** The lab, with an inventory that reaches Barman's host by docker, as root, and the nodes by SSH with sudo. */
export async function withBarmanByDocker(lab: Lab): Promise<Lab> {
  const inventory = lab.files.metalInventory.replace(/\.yml$/, '-mixed.yml');
  const document = parse(await readFile(lab.files.metalInventory, 'utf8'));
  document.all.children.barman.hosts.barman = {
    ansible_connection: 'docker',
    ansible_host: containerName(lab.prefix, 'barman'),
    ansible_user: 'root',
    ansible_become: false,
  };
  // JSON is YAML; it holds a password.
  await writeFile(inventory, JSON.stringify(document), { mode: 0o600 });
  const { events } = await pitr(['ping', 'barman,db1', '-i', inventory, '--output', 'json']);
  expect(events).toMatchObject([
    { host: 'barman', status: 'ok', user: 'root', becomes: 'root' },
    { host: 'db1', status: 'ok', user: 'deploy', becomes: 'root' },
  ]);
  return { ...lab, files: { ...lab.files, metalInventory: inventory } };
}
