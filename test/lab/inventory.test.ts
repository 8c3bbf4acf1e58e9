import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { checkoutRoot } from '../../lab/checkout.ts';
import { renderDockerInventory, renderSshInventory } from '../../lab/inventory.ts';
import {
  databaseHosts,
  defaultPrefix,
  defaultSshPorts,
  forEveryHost,
  hostNames,
} from '../../lab/topology.ts';

interface Group {
  readonly vars?: Record<string, unknown>;
  readonly hosts: Record<string, Record<string, unknown>>;
}
interface Inventory {
  readonly all: { readonly vars: Record<string, unknown>; readonly children: Record<string, Group> };
}

const read = (text: string) => parse(text) as Inventory;
const committed = (name: string) => readFileSync(join(checkoutRoot, 'inventory', name), 'utf8');

describe('the committed inventories', () => {
  it('reach the default lab over docker exec', () => {
    expect(committed('lab-docker.yml')).toBe(renderDockerInventory(defaultPrefix));
  });

  it('reach the default lab over SSH, with the keys that `lab up` writes', () => {
    const rendered = renderSshInventory({
      ports: defaultSshPorts,
      privateKeyFile: '../.lab/pitr-lab/id_ed25519',
      knownHostsFile: '../.lab/pitr-lab/known_hosts',
    });
    expect(committed('lab-ssh.yml')).toBe(rendered);
  });
});

describe('a rendered inventory', () => {
  const docker = read(renderDockerInventory('mine'));
  const ssh = read(
    renderSshInventory({
      ports: forEveryHost(hostNames, (host) => 50000 + host.length),
      privateKeyFile: 'id_ed25519',
      knownHostsFile: 'known_hosts',
    }),
  );

  it('has the same groups, hosts and cluster variables over both transports', () => {
    for (const { all } of [docker, ssh]) {
      expect(Object.keys(all.children)).toEqual(['barman', 'patroni', 'etcd']);
      expect(Object.keys(all.children.patroni?.hosts ?? {})).toEqual([...databaseHosts]);
      expect(all.children.patroni?.vars).toMatchObject({ patroni_cluster: 'patroni1', pg_port: 5431 });
      expect(all.vars).toMatchObject({ barman_host: 'barman', barman_servers: [...databaseHosts] });
    }
  });

  it('names the containers of its own lab, so that two labs live side by side', () => {
    expect(docker.all.vars.ansible_connection).toBe('docker');
    expect(docker.all.children.patroni?.hosts.db2).toMatchObject({
      ansible_host: 'mine-db2',
      pgdata: '/var/lib/postgresql/15/patroni2',
      barman_server: 'db2',
      restore_ssh: 'ssh -q postgres@db2',
    });
  });

  it('checks host keys over SSH', () => {
    expect(ssh.all.vars).toMatchObject({
      ansible_connection: 'ssh',
      ansible_user: 'root',
      ansible_ssh_private_key_file: 'id_ed25519',
      pitr_known_hosts: 'known_hosts',
    });
    expect(ssh.all.children.barman?.hosts.barman).toEqual({ ansible_host: '127.0.0.1', ansible_port: 50006 });
  });
});
