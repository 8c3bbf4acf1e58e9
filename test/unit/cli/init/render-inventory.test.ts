import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { renderInventory } from '../../../../cli/init/render-inventory.ts';
import { loadInventory } from '../../../../lib/language/inventory/load.ts';
import type { NodeDiscovery } from '../../../../lib/recovery/discovery/discover-node.ts';

const node = (member: string, more: Partial<NodeDiscovery> = {}): NodeDiscovery => ({
  member,
  cluster: 'no',
  identity: { name: member },
  config: '/etc/patroni/config.yml',
  user: 'postgres',
  service: { manager: 'systemd', name: 'patroni' },
  restPort: 8008,
  pgdata: '/srv/pg data/15',
  bin: '/usr/lib/postgresql/15/bin',
  port: 5432,
  version: '15.18',
  archive: {},
  ...more,
});

const ofPg3 = (name: string) => ({ host: 'pg3', name, why: 'deploy@pg3:\n no answer' });

const SITE = {
  cluster: 'no',
  members: [
    { name: 'pg1', reach: { ansible_connection: 'ssh', ansible_host: '10.0.0.1' }, node: node('pg1') },
    {
      name: 'pg2',
      reach: { ansible_connection: 'ssh', ansible_host: 'pg2', ansible_port: 2222 },
      node: node('pg2', { port: 6432 }),
    },
    { name: 'pg3', why: 'deploy@pg3:\n no answer' },
  ],
  unlisted: [],
  barman: {
    reach: { value: { ansible_connection: 'ssh', ansible_host: 'backup1' } },
    user: { value: 'barman' },
    servers: { value: ['main'] },
    ssh: { missing: 'archive_command is "/bin/true"' },
    nodes: {
      pg1: { server: { value: 'main' }, restoreSsh: { value: 'ssh -q postgres@pg1' } },
      pg2: { server: { value: 'main' }, restoreSsh: { missing: '"ssh" fails: # no key' } },
    },
  },
};

it('is read back as what was found; what was not is a line to fill in, with the reason', async () => {
  const { text, toFillIn } = renderInventory(SITE, { ansible_user: 'deploy', ansible_become: true });
  const folder = mkdtempSync(join(tmpdir(), 'pitr-render-'));
  try {
    const file = join(folder, 'inventory.yml');
    writeFileSync(file, text);
    const { hosts, groups } = await loadInventory([file]);
    expect(groups.get('patroni')).toEqual(['pg1', 'pg2', 'pg3']);
    const of = (host: string) =>
      Object.fromEntries([...(hosts.get(host)?.vars ?? [])].map(([name, { value }]) => [name, value]));
    expect(of('pg2')).toMatchObject({
      ansible_become: true,
      ansible_user: 'deploy',
      ansible_host: 'pg2',
      ansible_port: 2222,
      // a word that YAML takes for false
      patroni_cluster: 'no',
      pgdata: '/srv/pg data/15',
      pg_port: 6432,
      barman_server: 'main',
      barman_servers: ['main'],
    });
    expect(of('pg1')).toMatchObject({
      restore_ssh: 'ssh -q postgres@pg1',
      pg_port: 5432,
      ansible_host: '10.0.0.1',
    });
    expect(of('pg2').restore_ssh).toBeUndefined();
  } finally {
    rmSync(folder, { recursive: true });
  }
  expect(toFillIn).toEqual([
    { name: 'barman_ssh', why: 'archive_command is "/bin/true"' },
    { host: 'pg2', name: 'restore_ssh', why: '"ssh" fails: # no key' },
    { host: 'pg3', name: 'ansible_host', why: 'deploy@pg3:\n no answer' },
    // What holds for the others is not known to hold here.
    ...['pgdata', 'patroni_config', 'patroni_port', 'patroni_service', 'service_manager'].map(ofPg3),
    ...['pg_port', 'pg_bin', 'pg_user', 'barman_server', 'restore_ssh'].map(ofPg3),
  ]);
  expect(text).toContain('# TO FILL IN (deploy@pg3: no answer):\n          # ansible_host:');
});

it('says once for all members what all of them have, and of each one what differs or is not known', () => {
  const { user: _, ...userless } = node('pg2', { port: 6432 });
  const members = [
    { name: 'pg1', reach: { ansible_host: '10.0.0.1' }, node: node('pg1') },
    { name: 'pg2', reach: { ansible_host: 'pg2' }, node: userless },
  ];
  const { text, toFillIn } = renderInventory({ ...SITE, members }, {});
  expect(text.match(/pg_bin: /g)).toHaveLength(1);
  expect(text.match(/pg_port: \d+/g)).toEqual(['pg_port: 5432', 'pg_port: 6432']);
  expect(text.match(/pg_user: postgres/g)).toHaveLength(1);
  expect(toFillIn.filter(({ name }) => name === 'pg_user')).toEqual([
    {
      host: 'pg2',
      name: 'pg_user',
      why: 'Patroni does not run there, and the data directory does not tell its owner',
    },
  ]);
});

it('what a node says of itself stays within its comment', async () => {
  const evil = (end: string) => `a${end}    ansible_ssh_common_args: -oProxyCommand=x`;
  for (const end of ['\n', '\r', '\u0085', '\u2028', '\u2029']) {
    const members = [
      {
        name: 'pg1',
        reach: { ansible_host: '10.0.0.1' },
        node: node('pg1', { version: evil(end), configDirectory: evil(end), wal: evil(end) }),
      },
    ];
    const { text } = renderInventory({ ...SITE, cluster: evil(end), members }, {});
    expect(
      text.split(/[\n\r\u0085\u2028\u2029]/).filter((line) => /^ *ansible_ssh_common/.test(line)),
    ).toEqual([]);
  }
});

it('a host that was named and is not of the cluster is told, and is no host of the file', async () => {
  const why = 'it was named, and the cluster does not list it;\n gp4: there is no answer';
  const { text, toFillIn } = renderInventory({ ...SITE, unlisted: [{ name: 'gp4', why }] }, {});
  expect(toFillIn.at(-1)).toEqual({ name: 'gp4', why });
  expect(text).toContain(
    '        # NOT IN HERE (it was named, and the cluster does not list it; gp4: there is no answer):\n',
  );
  expect(text).toContain('        # gp4:\n');
  expect(text).not.toMatch(/^ *gp4:/m);
});
