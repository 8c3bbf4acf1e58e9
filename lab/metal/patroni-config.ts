import { quote } from '../../lib/transport/quote.ts';
import { labRelease } from '../release.ts';
import { type DatabaseHost, postgresBin, postgresHome } from '../topology.ts';
import { clusterScripts } from './debian-scripts.ts';
import type { MetalSecrets } from './secrets.ts';
import { configDirectory, dataDirectory, metalShape, restPort, rolesScript, walDirectory } from './shape.ts';
import type { MetalVariants } from './variants.ts';

type Settings = Readonly<Record<string, unknown>>;

/** A node as its configuration needs it. */
export interface MetalNode {
  readonly host: DatabaseHost;
  readonly address: string;
  /** Where the etcd of the lab answers. */
  readonly etcd: string;
}

/** Patroni's configuration of a node, as a document. Pure. */
export function patroniConfiguration(
  node: MetalNode,
  variants: MetalVariants,
  secrets: MetalSecrets,
): Settings {
  const { host, address } = node;
  const shape = metalShape(variants);
  const listen = { star: '*', both: `${address},127.0.0.1`, own: address }[variants.listen];
  const debian = variants.layout === 'debian';
  const scripts = clusterScripts(variants);
  const https = variants.rest === 'https';
  return {
    scope: shape.cluster,
    namespace: '/postgresql-common/',
    name: host,
    etcd3: { hosts: node.etcd },
    restapi: {
      listen: `${address}:${restPort}`,
      connect_address: `${address}:${restPort}`,
      ...(variants.rest === 'plain'
        ? {}
        : { authentication: { username: 'patroni', password: secrets.rest } }),
      ...(https ? { certfile: '/etc/patroni/rest.crt', keyfile: '/etc/patroni/rest.key' } : {}),
    },
    ...(https ? { ctl: { cacert: '/etc/patroni/ca.crt' } } : {}),
    bootstrap: {
      ...(debian
        ? {
            method: 'pg_createcluster',
            pg_createcluster: { command: scripts.create },
          }
        : {
            initdb: [
              { encoding: 'UTF8' },
              { locale: variants.locale === 'de' ? 'de_DE.UTF-8' : 'C.UTF-8' },
              'data-checksums',
              ...(variants.waldir === 'link' ? [{ waldir: walDirectory }] : []),
            ],
          }),
      dcs: {
        ttl: 30,
        loop_wait: 10,
        retry_timeout: 10,
        maximum_lag_on_failover: 1048576,
        postgresql: { use_pg_rewind: true, use_slots: true, parameters: clusterParameters(variants) },
      },
      pg_hba: rules(variants),
      // Patroni 4 makes no users by itself any more.
      post_bootstrap: rolesScript,
    },
    postgresql: {
      listen: `${listen}:${variants.port}`,
      connect_address: `${address}:${variants.port}`,
      data_dir: dataDirectory,
      bin_dir: postgresBin,
      pgpass: `${postgresHome}-main.pgpass`,
      ...(debian
        ? {
            config_dir: configDirectory,
            create_replica_method: ['pg_clonecluster'],
            pg_clonecluster: { command: scripts.clone },
          }
        : {}),
      ...(variants.superuser === 'socket' ? { use_unix_socket: true } : {}),
      authentication: {
        superuser:
          variants.superuser === 'socket'
            ? { username: 'postgres' }
            : { username: 'postgres', password: secrets.superuser },
        replication: { username: 'replicator', password: secrets.replicator },
        rewind: { username: 'rewind', password: secrets.rewind },
      },
      basebackup: [
        ...(variants.checkpoint === 'spread' ? [] : [{ checkpoint: 'fast' }]),
        ...(variants.waldir === 'link' ? [{ waldir: walDirectory }] : []),
      ],
      pg_hba: rules(variants),
      parameters: {
        unix_socket_directories: '/var/run/postgresql',
        ...(variants.archiver === 'streaming'
          ? { archive_command: '/bin/true' }
          : { archive_command: `barman-wal-archive -U barman barman ${shape.barmanServer(host)} %p` }),
      },
    },
  };
}

function clusterParameters(variants: MetalVariants): Settings {
  return {
    archive_mode: 'on',
    archive_timeout: 300,
    wal_log_hints: 'on',
    shared_buffers: '64MB',
    logging_collector: 'on',
    log_directory: '/var/log/postgresql',
    log_filename: `postgresql-${labRelease.postgres}-main.log`,
    log_rotation_age: 0,
    log_rotation_size: 0,
    log_line_prefix: '%m [%p] ',
    timezone: variants.zones === 'mixed' ? 'Europe/Berlin' : 'UTC',
    ...(variants.locale === 'de' ? { lc_messages: 'de_DE.UTF-8' } : {}),
  };
}

function rules(variants: MetalVariants): readonly string[] {
  return [
    'local all postgres peer',
    'local all all scram-sha-256',
    'host all all 127.0.0.1/32 scram-sha-256',
    ...(variants.hba === 'loopback' ? ['host replication all 127.0.0.1/32 scram-sha-256'] : []),
    'host replication replicator samenet scram-sha-256',
    'host replication barman samenet scram-sha-256',
    'host all all samenet scram-sha-256',
  ];
}

/** The program that makes the role that Barman logs in as. Its argument: how to connect. */
export function rolesProgram({ barman }: MetalSecrets): string {
  const sql = `create role barman login superuser replication password '${barman.replaceAll("'", "''")}'`;
  return `#!/bin/sh\nexec ${postgresBin}/psql -Xq -v ON_ERROR_STOP=1 -d "$1" -c ${quote(sql)}\n`;
}
