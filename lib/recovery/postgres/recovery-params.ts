import { z } from 'zod';
import { targetSchema } from '../wal/target.ts';
import {
  absolutePath,
  barmanLogin,
  barmanServer,
  dataOwner,
  instanceParams,
  partialParam,
  segmentName,
  walMethod,
} from './params.ts';

/** What `postgres.recovery` takes. */
export const recoveryParams = z
  .strictObject({
    state: z
      .enum(['present', 'absent'])
      .default('present')
      .describe('absent: after the promotion, remove all that the recovery has left in the directory'),
    directory: absolutePath.describe('the restored data directory, where it lies now'),
    pgdata: absolutePath
      .describe('where it will lie when PostgreSQL starts on it: paths in its configuration are set to that')
      .meta({ variable: 'pgdata' }),
    target: targetSchema
      .default('latest')
      .describe(
        'latest, a time with its offset, or a mapping with one of time, lsn, xid, name, immediate, and inclusive',
      ),
    timeline: z
      .union([z.int().min(1), z.literal('current')])
      .optional()
      .describe('the one that holds the target, or current: of the data; required'),
    signal: z
      .enum(['standby', 'recovery'])
      .default('standby')
      .describe('standby: waits at the end of WAL, readable; recovery: ends there (see the description)'),
    action: z
      .enum(['pause', 'promote', 'shutdown'])
      .default('pause')
      .describe('what PostgreSQL does at the target'),
    wal_method: walMethod,
    server: barmanServer.optional().describe('the Barman server of the backup: asked first'),
    begin_wal: segmentName
      .optional()
      .describe("the backup's first segment: while its server shows it, what does not show is absent"),
    partial: partialParam,
    last_wal: segmentName
      .optional()
      .describe(
        'the last segment that is known to be archived (barman.wal: archived_until): who holds the one behind it all servers are asked at once',
      ),
    patroni_config: absolutePath
      .default('/etc/patroni/patroni.yml')
      .describe("Patroni's configuration, which tells where the node's PostgreSQL is configured")
      .meta({ variable: 'patroni_config' }),
    at_least: z
      .record(z.string(), z.int().min(0))
      .default({})
      .describe('max_connections and its kin as the live data has them (postgres.control: settings)'),
    servers: z
      .array(barmanServer)
      .default([])
      .describe('all Barman servers that may hold WAL of this cluster, in the order in which they are asked')
      .meta({ variable: 'barman_servers' }),
    ssh: barmanLogin,
    wal_directories: z
      .array(absolutePath)
      .default([])
      .describe('with wal_method local: directories of this host that hold WAL')
      .meta({ variable: 'wal_directories' }),
    spool: absolutePath
      .optional()
      .describe(
        'where barman.spool brings WAL to: what waits there is taken once it is proved, before Barman is asked',
      ),
    segment_size: z
      .int()
      .positive()
      .optional()
      .describe('bytes of a WAL segment; read from the directory by default'),
    bin: instanceParams.bin,
    user: dataOwner,
  })
  .superRefine((p, context) => {
    const issue = (path: string, message: string): void => {
      context.addIssue({ code: 'custom', path: [path], message });
    };
    if (p.state === 'absent') return;
    if (p.timeline === undefined) issue('timeline', 'is required: the timeline that holds the target');
    if (p.wal_method === 'local' && p.wal_directories.length === 0) {
      issue('wal_directories', 'is required with wal_method local');
    }
    if (p.wal_method !== 'local' && p.servers.length === 0 && p.server === undefined) {
      issue('servers', 'is required: the Barman servers that hold the WAL');
    }
  });
