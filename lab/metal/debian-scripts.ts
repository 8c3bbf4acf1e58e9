import { labRelease } from '../release.ts';
import { postgresBin } from '../topology.ts';
import type { HostFile } from './host-setup.ts';
import { configDirectory, walDirectory } from './shape.ts';
import type { MetalVariants } from './variants.ts';

interface ClusterScripts {
  /** Makes the first cluster. */
  readonly create: string;
  /** Makes a replica. */
  readonly clone: string;
}

const DEBIANS: ClusterScripts = {
  create: '/usr/share/patroni/pg_createcluster_patroni',
  clone: '/usr/share/patroni/pg_clonecluster_patroni',
};

const OWN: ClusterScripts = {
  create: '/etc/patroni/pg_createcluster_with_wal',
  clone: '/etc/patroni/pg_clonecluster_with_wal',
};

/** Debian's scripts give pg_wal no place of its own: a site that wants one has such scripts instead. */
export function clusterScripts({ waldir }: MetalVariants): ClusterScripts {
  return waldir === 'link' ? OWN : DEBIANS;
}

// `--datadir=` and `--connstring=` are Patroni's words; of the others only the scope matters, which is always the same here.
const READ_WORDS = `#!/bin/sh
set -eu
for word; do
  case $word in
  --datadir=*) data=\${word#*=} ;;
  --connstring=*) from=\${word#*=} ;;
  esac
done
`;

const CLUSTER = `${labRelease.postgres} main`;

const CREATE = `${READ_WORDS}
exec pg_createcluster --start-conf=manual --datadir="$data" ${CLUSTER} -- --waldir=${walDirectory}
`;

// As Debian's: the configuration comes from a cluster that is made and thrown away. Neither initdb nor pg_basebackup takes a
// directory for WAL that holds something.
const CLONE = `${READ_WORDS}
if [ -f ${configDirectory}/postgresql.conf ]; then
  rm -f ${configDirectory}/postgresql.base.conf
  pg_dropcluster ${CLUSTER}
fi
pg_createcluster --start-conf=manual --datadir="$data" ${CLUSTER} >/dev/null
rm -rf "$data"
[ ! -d ${walDirectory} ] || find ${walDirectory} -mindepth 1 -delete
exec ${postgresBin}/pg_basebackup --pgdata "$data" --waldir=${walDirectory} --checkpoint=fast -X stream --dbname="$from"
`;

/** The scripts that a node needs beside Debian's own. Pure. */
export function scriptFiles(variants: MetalVariants): readonly HostFile[] {
  if (variants.layout !== 'debian' || variants.waldir !== 'link') return [];
  const script = (path: string, content: string): HostFile => ({
    path,
    content,
    mode: '0750',
    owner: 'root:postgres',
  });
  return [script(OWN.create, CREATE), script(OWN.clone, CLONE)];
}
