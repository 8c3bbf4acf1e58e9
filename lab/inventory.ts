import {
  clusterName,
  containerName,
  databaseHosts,
  dataDirectory,
  type HostName,
  type PerHost,
  patroniPort,
  postgresBin,
  postgresPort,
} from './topology.ts';

/** How the hosts of a lab are reached by SSH; paths are relative to the inventory's own folder. */
export interface SshAccess {
  readonly ports: PerHost<number>;
  readonly privateKeyFile: string;
  readonly knownHostsFile: string;
}

/** The inventory that reaches a lab with `docker exec`. */
export function renderDockerInventory(prefix: string): string {
  return render({
    title: [
      'The lab over docker exec. A model to copy: every variable is explained where it first stands.',
      `Hosts keep their plain names; ansible_host is the container behind each.`,
    ],
    connection: [
      '    # How to reach a host: docker (exec into a container), ssh or local.',
      '    ansible_connection: docker',
    ],
    hostLines: (host, first) => [
      ...(first ? ['# Name of the container.'] : []),
      `ansible_host: ${containerName(prefix, host)}`,
    ],
  });
}

/** The inventory that reaches a lab over SSH on 127.0.0.1. */
export function renderSshInventory({ ports, privateKeyFile, knownHostsFile }: SshAccess): string {
  return render({
    title: [
      'The lab over SSH. A model to copy for real machines: every variable is explained where it first stands.',
      'Paths are relative to the folder of this file.',
    ],
    connection: [
      '    # How to reach a host: docker (exec into a container), ssh or local.',
      '    ansible_connection: ssh',
      '    # Who logs in. Root, or a user with `ansible_become: true`.',
      '    ansible_user: root',
      '    # The private key to log in with.',
      `    ansible_ssh_private_key_file: ${privateKeyFile}`,
      '    # Host keys are always checked, against this file; without it against ~/.ssh/known_hosts.',
      `    pitr_known_hosts: ${knownHostsFile}`,
    ],
    hostLines: (host, first) => [
      ...(first ? ['# Address and port of sshd. On real machines: the host name, and port 22.'] : []),
      'ansible_host: 127.0.0.1',
      `ansible_port: ${ports[host]}`,
    ],
  });
}

interface Flavour {
  readonly title: readonly string[];
  readonly connection: readonly string[];
  /** The lines of one host that say how it is reached; the first host's carry the comments. */
  readonly hostLines: (host: HostName, first: boolean) => readonly string[];
}

function render({ title, connection, hostLines }: Flavour): string {
  const indented = (depth: number, lines: readonly string[]) =>
    lines.map((line) => `${' '.repeat(depth)}${line}`);
  const lines = [
    ...title.map((line) => `# ${line}`),
    'all:',
    '  vars:',
    ...connection,
    ...indented(4, backupVariables),
    '  children:',
    '    # The backup host.',
    '    barman:',
    '      hosts:',
    '        barman:',
    ...indented(10, hostLines('barman', true)),
    '    # The members of the Patroni cluster.',
    '    patroni:',
    '      vars:',
    ...indented(8, clusterVariables),
    '      hosts:',
    ...databaseHosts.flatMap((host, index) => [
      `        ${host}:`,
      ...indented(10, [...hostLines(host, false), ...memberVariables(host, index === 0)]),
    ]),
    '    # The store that Patroni keeps its leader lock in.',
    '    etcd:',
    '      hosts:',
    '        etcd:',
    ...indented(10, hostLines('etcd', false)),
  ];
  return `${lines.join('\n')}\n`;
}

const backupVariables = [
  '# The backup host, by its name in this inventory.',
  'barman_host: barman',
  '# The user there that owns the backups and runs barman.',
  'barman_user: barman',
  '# How a member reaches the backup host by SSH (barman-wal-archive, barman-wal-restore).',
  'barman_ssh: barman@barman',
  '# All Barman servers that hold backups or WAL of this cluster.',
  `barman_servers: [${databaseHosts.join(', ')}]`,
];

const clusterVariables = [
  "# Patroni's name for the cluster (`scope`).",
  `patroni_cluster: ${clusterName}`,
  "# Patroni's settings file on each member.",
  'patroni_config: /etc/patroni/patroni.yml',
  "# Port of Patroni's REST interface.",
  `patroni_port: ${patroniPort}`,
  '# The service that runs Patroni, and what runs services here: supervisor or systemd.',
  'patroni_service: patroni',
  'service_manager: supervisor',
  '# Port of PostgreSQL.',
  `pg_port: ${postgresPort}`,
  '# Folder of the PostgreSQL programs (pg_ctl, pg_controldata, psql).',
  `pg_bin: ${postgresBin}`,
  '# The operating system user that PostgreSQL runs as, and its superuser.',
  'pg_user: postgres',
];

function memberVariables(host: (typeof databaseHosts)[number], first: boolean): string[] {
  const comment = (text: string) => (first ? [`# ${text}`] : []);
  return [
    ...comment('The data directory.'),
    `pgdata: ${dataDirectory(host)}`,
    ...comment('The Barman server that this member archives to and is backed up by.'),
    `barman_server: ${host}`,
    ...comment('How barman on the backup host reaches this member to restore onto it.'),
    `restore_ssh: "ssh -q postgres@${host}"`,
  ];
}
