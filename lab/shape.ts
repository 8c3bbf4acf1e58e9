import {
  clusterName,
  type DatabaseHost,
  databaseHosts,
  dataDirectory,
  type HostName,
  hostNames,
  patroniPort,
  postgresPort,
} from './topology.ts';

/** What a lab looks like from the outside: which hosts it has, and where things are on them. */
export interface LabShape {
  readonly hosts: readonly HostName[];
  /** The database nodes; the first one founds the cluster. */
  readonly members: readonly DatabaseHost[];
  readonly cluster: string;
  readonly postgresPort: number;
  readonly patroniConfig: string;
  /** Patroni's REST interface on a node, from that node itself. */
  patroniUrl(host: DatabaseHost): string;
  dataDirectory(host: DatabaseHost): string;
  /** The Barman server that a node archives to. */
  barmanServer(host: DatabaseHost): string;
}

/** The ordinary lab: services under supervisord, root everywhere, one Barman server for each node. */
export const ordinaryShape: LabShape = {
  hosts: hostNames,
  members: databaseHosts,
  cluster: clusterName,
  postgresPort,
  patroniConfig: '/etc/patroni/patroni.yml',
  patroniUrl: () => `http://localhost:${patroniPort}`,
  dataDirectory,
  barmanServer: (host) => host,
};
