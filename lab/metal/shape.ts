import { labRelease } from '../release.ts';
import type { LabShape } from '../shape.ts';
import { type DatabaseHost, postgresHome } from '../topology.ts';
import type { MetalVariants } from './variants.ts';

export const patroniConfig = '/etc/patroni/config.yml';
/** What Patroni runs once, when the cluster is made. */
export const rolesScript = '/etc/patroni/roles';
/** Debian's own, for the first cluster of a version. */
export const dataDirectory = `${postgresHome}/main`;
export const configDirectory = `/etc/postgresql/${labRelease.postgres}/main`;
/** The volume that pg_wal is a link into, and the directory there. */
export const walVolume = '/srv/wal';
export const walDirectory = `${walVolume}/${labRelease.postgres}-main`;
export const restPort = 8008;
/** The one Barman server of all nodes. */
export const commonServer = 'pgmain';

/** Where things are in a lab with systemd. */
export function metalShape(variants: MetalVariants): LabShape {
  const all: readonly DatabaseHost[] = ['db1', 'db2', 'db3', 'db4', 'db5'];
  const members = all.slice(0, Number(variants.members));
  return {
    hosts: ['etcd', 'barman', 'jump', ...members],
    members,
    // As Debian's own scripts want it: the version, a dash, the cluster.
    cluster: `${labRelease.postgres}-main`,
    postgresPort: Number(variants.port),
    patroniConfig,
    patroniUrl: (host) => `${variants.rest === 'https' ? 'https' : 'http'}://${host}:${restPort}`,
    dataDirectory: () => dataDirectory,
    barmanServer: (host) => (variants.barman === 'one' ? commonServer : host),
  };
}
