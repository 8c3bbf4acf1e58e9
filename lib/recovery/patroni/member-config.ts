import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { record, text } from './cluster.ts';
import { patroniPython } from './config-file.ts';
import type { DynamicConfig } from './dynamic-config.ts';

/** What a node's own Patroni configuration says, as far as a recovery must know it. No password is in it. */
export interface MemberConfig {
  /** How Patroni makes a replica; absent where the file does not say it. */
  readonly replicaMethods?: readonly string[];
  /** Where Patroni announces this node's PostgreSQL to everybody. */
  readonly host?: string;
  readonly port?: number;
  /** Where Patroni keeps PostgreSQL's configuration; absent where that is the data directory. */
  readonly configDirectory?: string;
  /** Names of the PostgreSQL settings that the file gives to this node alone. */
  readonly parameters: readonly string[];
}

const TELL = `
import json
postgresql = part("postgresql")
methods = postgresql.get("create_replica_methods") or postgresql.get("create_replica_method")
def place(name):
    return os.path.normpath(str(postgresql[name])) if postgresql.get(name) else ""
kept = place("config_dir")
if kept == place("data_dir"):
    kept = ""
print(json.dumps({"methods": methods, "address": str(postgresql.get("connect_address") or ""), "kept": kept,
                  "parameters": sorted(postgresql.get("parameters") or {})}, default=str))
`;

const ASK = probeScript(`${patroniPython(TELL)}
patroni_python "$1"`);

/** Throws kind `failed` (`patroni-configuration-unreadable`) where it cannot be read: then nothing is known. */
export async function readMemberConfig(host: ReadHost, config: string): Promise<MemberConfig> {
  const asked = await host.query(ASK([config], { timeoutMs: 20_000 }));
  if (asked.exitCode === 0 && asked.stdout !== '') return parseMemberConfig(asked.stdout);
  throw new PitrError({
    kind: 'failed',
    code: 'patroni-configuration-unreadable',
    message: `Patroni's configuration ${config} cannot be read`,
    host: host.name,
    evidence: { ...evidenceOf(asked), command: `python3: yaml.safe_load of ${config}` },
    next: [
      'Set patroni_config in the inventory to the file or directory that Patroni is started with.',
      'Let the task become root, or a user that may read it (become: true).',
    ],
  });
}

export function parseMemberConfig(printed: string): MemberConfig {
  const told = record(JSON.parse(printed));
  const methods = methodsOf(told.methods);
  const configDirectory = text(told.kept);
  const address = /^\[?(.+?)\]?:(\d+)$/.exec(text(told.address) ?? '');
  return {
    ...(methods === undefined ? {} : { replicaMethods: methods }),
    ...(configDirectory === undefined || configDirectory === '' ? {} : { configDirectory }),
    ...(address === null ? {} : { host: address[1] ?? '', port: Number(address[2]) }),
    parameters: Array.isArray(told.parameters) ? told.parameters.flatMap((name) => text(name) ?? []) : [],
  };
}

/** The ways in which Patroni makes a replica on a node: what its own file says wins over the DCS. */
export function replicaMethods(local: MemberConfig, dynamic: DynamicConfig): readonly string[] {
  const shared = record(dynamic.postgresql);
  return (
    local.replicaMethods ??
    methodsOf(shared.create_replica_methods) ??
    methodsOf(shared.create_replica_method) ?? ['basebackup']
  );
}

/** Whether the cluster is a copy of another one, which Patroni keeps following it (`standby_cluster`). */
export function isStandbyCluster({ standby_cluster: standby }: DynamicConfig): boolean {
  const { host, port, restore_command: command } = record(standby);
  return [host, port, command].some((value) => value !== undefined && value !== null && value !== '');
}

function methodsOf(value: unknown): readonly string[] | undefined {
  const names = typeof value === 'string' ? value.split(',').map((name) => name.trim()) : value;
  if (!Array.isArray(names)) return undefined;
  const found = names.flatMap((name) => text(name) ?? []);
  return found.length === 0 ? undefined : found;
}
