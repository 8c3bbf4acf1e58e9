import { labRelease } from './release.ts';

/** The hosts of a lab and the names, ports and paths that follow from them and from its release. */

export const databaseHosts = ['db1', 'db2', 'db3', 'db4'] as const;
/** A database node of any lab: some have fewer than the four of the ordinary one, some have more. */
export type DatabaseHost = `db${1 | 2 | 3 | 4 | 5}`;

export const hostNames = ['etcd', 'barman', ...databaseHosts] as const;
/** A host of any lab. */
export type HostName = 'etcd' | 'barman' | 'jump' | DatabaseHost;

/** Something for each host of a lab. */
export type PerHost<T> = Readonly<Partial<Record<HostName, T>>>;

export const defaultPrefix = 'pitr-lab';
export const clusterName = 'patroni1';
export const postgresPort = 5431;
export const patroniPort = 8001;
export const postgresBin = `/usr/lib/postgresql/${labRelease.postgres}/bin`;
/** The directory of all data directories of a node. */
export const postgresHome = `/var/lib/postgresql/${labRelease.postgres}`;

/** Label of every container, network and volume of a lab; its value is the lab's prefix. */
export const labLabel = 'pitr.lab';
/** Label of a container: which host it is. */
export const hostLabel = 'pitr.lab.host';

/** Where the default lab publishes its sshd ports when they are free: the committed SSH inventory names them. */
export const defaultSshPorts = {
  etcd: 42201,
  barman: 42202,
  db1: 42203,
  db2: 42204,
  db3: 42205,
  db4: 42206,
} as const satisfies PerHost<number>;

export function isHostName(name: string): name is HostName {
  return name === 'etcd' || name === 'barman' || name === 'jump' || isDatabaseHost(name);
}

export function isDatabaseHost(name: string): name is DatabaseHost {
  return /^db[1-5]$/.test(name);
}

/** `db3` keeps its data in `.../patroni3`. */
export function dataDirectory(host: DatabaseHost): string {
  return `${postgresHome}/patroni${host.slice('db'.length)}`;
}

export function containerName(prefix: string, host: HostName): string {
  return `${prefix}-${host}`;
}

/** A record with one value for every one of these hosts. */
export function forEveryHost<T>(hosts: readonly HostName[], value: (host: HostName) => T): PerHost<T> {
  return Object.fromEntries(hosts.map((host) => [host, value(host)]));
}
