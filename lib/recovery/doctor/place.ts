import { z } from 'zod';
import { parseBytes } from '../../base/values/bytes.ts';
import { userParam } from '../barman/params.ts';
import { patroniParams, patroniServiceParams } from '../patroni/params.ts';
import { instanceParams, type WalMethod, walMethod } from '../postgres/params.ts';

/** Where things are on a node of the cluster, as the inventory says it. */
export interface NodePlace {
  readonly name: string;
  readonly pgdata: string;
  readonly bin?: string | undefined;
  readonly user: string;
  readonly patroni: {
    readonly port: number;
    readonly config: string;
    readonly cluster?: string | undefined;
    readonly url?: string | undefined;
    readonly service: string;
    readonly manager: 'supervisor' | 'systemd';
  };
  readonly barmanServer?: string | undefined;
  readonly barmanSsh?: string | undefined;
  readonly barmanServers?: readonly string[] | undefined;
  readonly restoreSsh?: string | undefined;
  readonly walMethod: WalMethod;
  /** Bytes of WAL that lie in pg_wal at one time, at most. */
  readonly walAtOneTime?: number | undefined;
  /** The same where that is a volume of its own, as the inventory says it. */
  readonly walVolumeBytes?: number | undefined;
  /** Where WAL waits for its replay, and how much of it, where the inventory says so. */
  readonly walSpool?: string | undefined;
  readonly walSpoolBytes?: number | undefined;
}

/** Where Barman is, as the inventory says it. */
export interface BarmanPlace {
  readonly name: string;
  readonly user: string;
  /** The servers of this cluster; absent where the inventory does not say. */
  readonly servers?: readonly string[] | undefined;
  readonly lockDirectory: string;
}

/** A variable that a recovery needs, and that is missing or wrong. */
export interface VariableFlaw {
  readonly host: string;
  readonly variable: string;
  readonly why: string;
}

const size = z.union([z.number(), z.string()]).transform((value, context) => {
  const bytes = parseBytes(String(value));
  if (bytes === undefined) context.addIssue('expected bytes, or a size such as "10 GiB"');
  return bytes ?? 0;
});

const nodeSchema = z.object({
  pgdata: instanceParams.pgdata,
  pg_bin: instanceParams.bin,
  pg_user: instanceParams.user,
  patroni_port: patroniParams.port,
  patroni_config: patroniParams.config,
  patroni_cluster: patroniParams.cluster,
  patroni_url: patroniParams.url,
  patroni_service: patroniServiceParams.service,
  barman_host: z.string().optional(),
  service_manager: patroniServiceParams.manager,
  barman_server: z.string().optional(),
  barman_ssh: z.string().optional(),
  barman_servers: z.array(z.string()).optional(),
  restore_ssh: z.string().optional(),
  wal_at_one_time: size.optional(),
  wal_volume_bytes: size.nullish(),
  wal_spool: z.string().optional(),
  wal_spool_bytes: size.optional(),
  wal_method: walMethod,
});

/** The variables of the inventory that are read here. */
export const NODE_VARIABLES = Object.keys(nodeSchema.shape);

/** recover.yml cannot do without these. */
const NEEDED: Readonly<Record<string, string>> = {
  patroni_cluster: "Patroni's name for the cluster (scope), which names the lock too",
  pg_bin: 'the directory of the PostgreSQL programs',
  barman_host: 'the inventory name of the host that Barman runs on',
  barman_server: 'the Barman server that the node archives to and is backed up by',
  barman_servers: 'all Barman servers that hold backups or WAL of this cluster',
  barman_ssh: 'how the node reaches Barman, user@host',
  restore_ssh: 'how Barman logs in to the node to restore onto it, "ssh -q postgres@db1"',
};

/** Reads the variables of a node, and says what is missing or wrong. */
export function nodePlace(
  name: string,
  variables: Readonly<Record<string, unknown>>,
): { readonly place?: NodePlace; readonly flaws: readonly VariableFlaw[] } {
  const missing = Object.entries(NEEDED).flatMap(([variable, what]) =>
    variables[variable] === undefined ? [{ host: name, variable, why: `is missing: ${what}` }] : [],
  );
  const read = nodeSchema.safeParse(variables);
  if (!read.success) {
    const wrong = read.error.issues.map(({ path, message }) => ({
      host: name,
      variable: String(path[0] ?? ''),
      why: variables[String(path[0])] === undefined ? 'is missing' : `is wrong: ${message}`,
    }));
    return { flaws: [...wrong, ...missing] };
  }
  const told = read.data;
  // Playbooks give it endings: what lies beside the data would lie in it.
  const slash = /.\/$/.test(String(variables.pgdata))
    ? [{ host: name, variable: 'pgdata', why: 'ends with a slash: write it without' }]
    : [];
  return {
    flaws: [...missing, ...slash],
    place: {
      name,
      pgdata: told.pgdata,
      bin: told.pg_bin,
      user: told.pg_user,
      patroni: {
        port: told.patroni_port,
        config: told.patroni_config,
        cluster: told.patroni_cluster,
        url: told.patroni_url,
        service: told.patroni_service,
        manager: told.service_manager,
      },
      barmanServer: told.barman_server,
      barmanSsh: told.barman_ssh,
      barmanServers: told.barman_servers,
      restoreSsh: told.restore_ssh,
      walMethod: told.wal_method,
      walAtOneTime: told.wal_at_one_time,
      walVolumeBytes: told.wal_volume_bytes ?? undefined,
      walSpool: told.wal_spool,
      walSpoolBytes: told.wal_spool_bytes,
    },
  };
}

const barmanSchema = z.object({
  barman_user: userParam,
  barman_servers: z.array(z.string()).optional(),
  lock_directory: z.string().default(''),
});

export const BARMAN_VARIABLES = Object.keys(barmanSchema.shape);

/** Reads the variables of Barman's host. Throws a ZodError where they are wrong. */
export function barmanPlace(name: string, variables: Readonly<Record<string, unknown>>): BarmanPlace {
  const told = barmanSchema.parse(variables);
  return {
    name,
    user: told.barman_user,
    servers: told.barman_servers,
    lockDirectory: told.lock_directory,
  };
}
