import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport, reportIn } from '../../contract/script-report.ts';
import { type HostIdentity, identityIn, TELL_IDENTITY } from '../../system/core/host-identity.ts';
import { normalPath } from '../../system/fs/paths.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { record, text } from '../patroni/cluster.ts';
import { patroniPython } from '../patroni/config-file.ts';
import { UNIT_OF } from '../patroni/process-unit.ts';
import { PATRONI_PROCESSES } from '../patroni/processes.ts';
import { querySql, sessionTarget } from '../postgres/sql.ts';
import { type ArchiveTarget, readArchiveCommand } from './archive-command.ts';

/** What a node of a cluster tells of itself: from its processes and from Patroni's configuration. */
export interface NodeDiscovery {
  /** Patroni's name for the node, and for its cluster. */
  readonly member: string;
  readonly cluster: string;
  readonly identity: HostIdentity;
  /** Of its data, or as its Patroni says it; absent where neither can be read. */
  readonly systemId?: string;
  readonly config: string;
  /** Who runs Patroni, or owns the data. */
  readonly user?: string;
  readonly service?: { readonly manager: 'systemd' | 'supervisor'; readonly name: string };
  readonly restPort?: number;
  readonly pgdata: string;
  readonly bin?: string;
  readonly port?: number;
  /** `15.18` */
  readonly version?: string;
  readonly configDirectory?: string;
  /** What pg_wal links to. */
  readonly wal?: string;
  readonly archive: ArchiveTarget;
}

const TELL = `
import json, struct
postgresql, rest = part("postgresql"), part("restapi")
own = postgresql.get("parameters") or {}
system = None
try:
    with open(os.path.join(postgresql.get("data_dir") or "", "global", "pg_control"), "rb") as control:
        system = str(struct.unpack("=Q", control.read(8))[0])
except (OSError, struct.error):
    pass
print(json.dumps({
    "name": config.get("name"), "scope": config.get("scope"), "data": postgresql.get("data_dir"),
    "bin": postgresql.get("bin_dir"), "kept": postgresql.get("config_dir"), "rest": rest.get("listen"),
    "listen": postgresql.get("listen"), "system": system, "archive": own.get("archive_command"),
}, default=str))
`;

/**
 * The function `chosen_patroni PROC [CONFIG]` of sh, for behind `PATRONI_PROCESSES`: the Patroni of this configuration, or
 * the only one. Sets `config` and `pid`, each to nothing where there is none. Returns 1, with their names on stderr, where
 * there are several and none is named.
 */
export const CHOSEN_PATRONI = `
chosen_patroni() {
  config=$2 pid= several=
  running=$(patroni_processes "$1") || { echo "the processes here cannot be looked at (grep, tr, awk)" >&2; return 1; }
  while read -r one word; do
    [ -n "$one" ] || continue
    if [ -n "$2" ]; then
      [ -n "$pid" ] || ! same_file "$word" "$2" || pid=$one
    elif [ -z "$pid" ]; then
      pid=$one config=$word
    elif ! same_file "$word" "$config"; then
      several="$several $word"
    fi
  done <<EOF || return
$running
EOF
  if [ -n "$several" ]; then
    echo "several Patronis run here, with the configurations $config$several (-: none that is known). Name one: -e patroni_config=" >&2
    return 1
  fi
  if [ "$config" = - ]; then config= pid=; fi
}`;

// Patroni is found by its process, not by a path that it usually has. Argument: its configuration, or nothing.
const LOOK = probeScript(`
${patroniPython(TELL)}${PATRONI_PROCESSES}${CHOSEN_PATRONI}${UNIT_OF}

chosen_patroni /proc "$1" || exit 3
[ -n "$config" ] || { echo "no Patroni runs here that was started with a configuration file" >&2; exit 3; }
echo "@config $config"
${TELL_IDENTITY}
if [ -n "$pid" ]; then
  echo "@user $(stat -c %U "/proc/$pid")"
  unit_of /proc "$pid"
  # Also where its main process is another one: to stop the unit stops it all the same.
  case $held in - | '') [ -z "$unit" ] || [ ! -d /run/systemd/system ] || echo "@systemd \${unit%.service}" ;; esac
  program=$(supervisorctl status 2>/dev/null | sed -n "s/^\\([^ ]*\\) .* pid $pid,.*/\\1/p" | head -n 1)
  [ -z "$program" ] || echo "@supervisor $program"
fi
told=$(patroni_python "$config") || exit 4
echo @tell; printf ' %s\\n' "$told"
data=$(printf '%s' "$told" | sed -n 's/.*"data": "\\([^"]*\\)".*/\\1/p')
if [ -n "$data" ]; then
  [ ! -d "$data" ] || echo "@owner $(stat -L -c %U -- "$data")"
  if { read -r main; read -r there; read -r start; read -r port; } 2>/dev/null <"$data/postmaster.pid"; then
    echo "@port $port"
    exe=$(readlink "/proc/$main/exe") && echo "@bin \${exe%/*}" && echo "@version $("$exe" --version)"
  fi
  [ ! -L "$data/pg_wal" ] || echo "@wal $(readlink -f "$data/pg_wal")"
fi
echo @end`);

/**
 * Asks a host what it is in its cluster. Throws kind `failed` (`node-not-discovered`) where no Patroni is to be found, or
 * its configuration cannot be read.
 */
export async function discoverNode(host: ReadHost, config?: string): Promise<NodeDiscovery> {
  const answer = await host.query(LOOK([config ?? ''], { timeoutMs: 30_000 }));
  if (reportIn(answer) === undefined) {
    throw new PitrError({
      kind: 'failed',
      // On the host no Patroni is found, or several of which none was named, or its configuration cannot be read.
      code: 'node-not-discovered',
      message: 'what this host is in its cluster cannot be told',
      host: host.name,
      evidence: evidenceOf({ ...answer, argv: ['sh', '(a look for Patroni and its configuration)'] }),
      next: [
        'Start Patroni there, or name its configuration: -e patroni_config=/etc/patroni/config.yml',
        'Let the login become root or the user that runs Patroni: -e ansible_become=true',
      ],
    });
  }
  const seen = parseNodeDiscovery(answer.stdout);
  const command = await archiveCommandOf(host, seen);
  return { ...seen, archive: readArchiveCommand(command) };
}

/** In force, wherever it was set; Patroni's own file tells where PostgreSQL does not answer. */
async function archiveCommandOf(host: ReadHost, seen: Seen): Promise<string> {
  try {
    const target = sessionTarget(
      { pgdata: seen.pgdata, bin: seen.bin, user: seen.user ?? 'postgres' },
      seen.bin,
    );
    return await querySql(host, target, ['show archive_command']);
  } catch (thrown) {
    if (thrown instanceof PitrError && thrown.kind === 'failed') return seen.archiveCommand;
    throw thrown;
  }
}

type Seen = Omit<NodeDiscovery, 'archive'> & { readonly archiveCommand: string };

/** Reads the answer of the look. Throws where it is not whole. */
export function parseNodeDiscovery(printed: string): Seen {
  const parts = parseReport(printed);
  const one = (kind: string): string | undefined => parts.find((part) => part.kind === kind)?.rest;
  const told = record(JSON.parse(parts.find(({ kind }) => kind === 'tell')?.lines.join('') ?? '{}'));
  const [member, cluster, data] = [told.name, told.scope, told.data].map(text);
  // Playbooks give it endings.
  const pgdata = data === undefined ? undefined : normalPath(data);
  if (member === undefined || cluster === undefined || pgdata === undefined) {
    throw new PitrError({
      kind: 'failed',
      // Patroni's configuration lacks name, scope or postgresql.data_dir: they may be in the environment of its service.
      code: 'patroni-configuration-incomplete',
      message: `Patroni's configuration ${one('config') ?? ''} does not tell name, scope and postgresql.data_dir`,
      next: [
        'Where they are in the environment of the service, write the inventory by hand: inventory/bare-metal.yml is a model.',
      ],
    });
  }
  const systemd = one('systemd');
  const supervisor = one('supervisor');
  const service =
    supervisor !== undefined
      ? { service: { manager: 'supervisor' as const, name: supervisor } }
      : systemd !== undefined
        ? { service: { manager: 'systemd' as const, name: systemd } }
        : {};
  const restPort = /:(\d+)$/.exec(text(told.rest) ?? '')?.[1];
  const bin = text(told.bin) ?? one('bin');
  const port = one('port') ?? /:(\d+)$/.exec(text(told.listen) ?? '')?.[1];
  const version = /\)\s+(\S+)/.exec(one('version') ?? '')?.[1];
  const kept = text(told.kept);
  const wal = one('wal');
  const user = one('user') ?? one('owner');
  const systemId = text(told.system);
  const config = one('config') ?? '';
  refuseOdd({
    name: member,
    scope: cluster,
    'its path': config,
    data_dir: pgdata,
    bin_dir: bin,
    config_dir: kept,
    pg_wal: wal,
  });
  return {
    member,
    cluster,
    identity: identityIn(parts),
    config,
    ...(user === undefined ? {} : { user }),
    ...(systemId === undefined ? {} : { systemId }),
    ...service,
    ...(restPort === undefined ? {} : { restPort: Number(restPort) }),
    pgdata,
    ...(bin === undefined || bin === '' ? {} : { bin }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(version === undefined ? {} : { version }),
    ...(kept === undefined || kept === '' || kept === pgdata ? {} : { configDirectory: kept }),
    ...(wal === undefined ? {} : { wal }),
    archiveCommand: text(told.archive) ?? '',
  };
}

/** These become names and paths in an inventory: no line ends, and nothing that its reader would render. */
function refuseOdd(told: Readonly<Record<string, string | undefined>>): void {
  const odd = Object.entries(told).find(([, value = '']) => /[\p{Cc}\p{Zl}\p{Zp}]|\{\{/u.test(value));
  if (odd === undefined) return;
  const [field, value] = odd;
  throw new PitrError({
    kind: 'failed',
    // A name or a path there would write lines of its own into the inventory, or be rendered by whoever reads it.
    code: 'patroni-configuration-odd',
    message: `Patroni's configuration there has a line end, a control character or {{ in ${field}: ${JSON.stringify(value)}`,
    next: [
      'See who has written that, and why; then write the inventory by hand: inventory/bare-metal.yml is a model.',
    ],
  });
}
