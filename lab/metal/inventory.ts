import { type DatabaseHost, type HostName, type PerHost, postgresBin } from '../topology.ts';
import { askingHost, hiddenHost } from './host-setup.ts';
import { dataDirectory, metalShape, patroniConfig, restPort } from './shape.ts';
import type { MetalVariants } from './variants.ts';

export interface MetalAccess {
  readonly ports: PerHost<number>;
  readonly privateKeyFile: string;
  readonly knownHostsFile: string;
  readonly sudoPassword: string;
}

/** The inventory that reaches a lab with systemd. Paths are relative to its folder. Pure. */
export function renderMetalInventory(variants: MetalVariants, access: MetalAccess): string {
  const shape = metalShape(variants);
  const servers = [...new Set(shape.members.map(shape.barmanServer))];
  const indented = (depth: number, lines: readonly string[]) =>
    lines.map((line) => `${' '.repeat(depth)}${line}`);
  return `${[
    '# Hosts with systemd over SSH. A model to copy for real machines; paths are relative to the folder of this file.',
    'all:',
    '  vars:',
    ...indented(4, [
      'ansible_connection: ssh',
      '# Who logs in; every task then works as root or as the user it names, through sudo.',
      'ansible_user: deploy',
      'ansible_become: true',
      'ansible_become_method: sudo',
      `ansible_ssh_private_key_file: ${access.privateKeyFile}`,
      `pitr_known_hosts: ${access.knownHostsFile}`,
      '# The backup host, and how a node reaches it by SSH.',
      'barman_host: barman',
      'barman_user: barman',
      'barman_ssh: barman@barman',
      '# The Barman servers that hold backups or WAL of this cluster: one for all nodes, or one for each.',
      `barman_servers: [${servers.join(', ')}]`,
    ]),
    '  children:',
    '    barman:',
    '      hosts:',
    '        barman:',
    ...indented(10, reach('barman', access)),
    '    patroni:',
    '      vars:',
    ...indented(8, [
      `patroni_cluster: ${shape.cluster}`,
      `patroni_config: ${patroniConfig}`,
      `patroni_port: ${restPort}`,
      'patroni_service: patroni',
      'service_manager: systemd',
      `pg_port: ${variants.port}`,
      `pg_bin: ${postgresBin}`,
      'pg_user: postgres',
      `pgdata: ${dataDirectory}`,
    ]),
    '      hosts:',
    ...shape.members.flatMap((host) => [
      `        ${host}:`,
      ...indented(10, [...reach(host, access), ...memberLines(host, shape.barmanServer(host))]),
    ]),
    '    etcd:',
    '      hosts:',
    '        etcd:',
    ...indented(10, reach('etcd', access)),
  ].join('\n')}\n`;
}

function reach(host: HostName, { ports, sudoPassword }: MetalAccess): readonly string[] {
  const there =
    host === hiddenHost
      ? [
          '# Behind a host that is logged in to first.',
          `ansible_host: ${host}`,
          `pitr_jump: deploy@127.0.0.1:${ports.jump}`,
        ]
      : ['ansible_host: 127.0.0.1', `ansible_port: ${ports[host]}`];
  return host === askingHost ? [...there, `ansible_become_password: ${JSON.stringify(sudoPassword)}`] : there;
}

function memberLines(host: DatabaseHost, server: string): readonly string[] {
  return [`barman_server: ${server}`, `restore_ssh: "ssh -q postgres@${host}"`];
}
