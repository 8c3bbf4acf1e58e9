import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { type ReportPart, reportOf } from '../../contract/script-report.ts';
import { type FreeSpace, parseSpace } from '../../system/fs/free-space.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { type Told, toldAtOnce } from './answer.ts';
import { type HostClock, readClock, TELL_CLOCK } from './host-clock.ts';
import type { NodePlace } from './place.ts';
import { SECRET_FILE, type SecretFiles, secretFiles } from './secret-files.ts';

/** What a node's files and programs say, whether PostgreSQL runs or not. */
export interface NodeLook extends SecretFiles {
  readonly clock: HostClock;
  readonly missingTools: readonly string[];
  /** `15.18`; absent where the programs do not tell. */
  readonly postgres?: string | undefined;
  /** Of the directory that holds the data directory: restored data is built there. */
  readonly space: FreeSpace;
  /** Where pg_wal is a link: of the directory that holds what it links to. The recovered WAL is laid there. */
  readonly walSpace?: { readonly wal: string; readonly space: Told<FreeSpace> } | undefined;
  /** What earlier recoveries have left beside the data directory: absolute paths; absent where nobody may look. */
  readonly beside?: readonly string[] | undefined;
  /** Names in the data directory; absent where it cannot be looked into. */
  readonly names?: ReadonlySet<string> | undefined;
  /** Settings in postgresql.auto.conf, by name; absent where it cannot be read. */
  readonly autoConf?: readonly string[] | undefined;
}

// Patroni merges a directory.
export const NODE_SECRETS = `${SECRET_FILE}
node_secrets() {
  if [ ! -d "$1" ]; then
    presence "$1" 2>/dev/null || echo "@secret-unseen $1"
    [ ! -e "$1" ] || secret_file "$1"
  elif [ ! -r "$1" ] || [ ! -x "$1" ]; then echo "@secret-unseen $1"
  else
    for f in "$1"/*.yml "$1"/*.yaml; do secret_file "$f"; done
  fi
  for f in "$2"/.pgpass*; do secret_file "$f"; done
}`;

// Of postgresql.auto.conf only names leave the host: a value may be a password. `@closed`: what lies beside the data
// directory cannot be listed, or something above it hides whether there is anything.
const LOOK = probeScript(`${PRESENCE}
d=$1 bin=$2 user=$3 config=$4; shift 4
quoted() { awk '{ print " " $0 }'; }
${TELL_CLOCK}
for tool do command -v -- "$tool" >/dev/null 2>&1 || echo "@missing $tool"; done
echo "@postgres $("$bin/postgres" --version 2>/dev/null)"
p=\${d%/*}
while [ ! -e "$p" ] && [ -n "$p" ]; do p=\${p%/*}; done
echo @space
{ LC_ALL=C df -P -k -- "\${p:-/}" | tail -n 1; LC_ALL=C df -P -i -- "\${p:-/}" | tail -n 1; } | quoted
[ -x "\${p:-/}" ] && { [ "$p" != "\${d%/*}" ] || [ -r "\${p:-/}" ]; } || echo @closed
for p in "$d".pitr "$d".pitr.* "$d".pitr-* "$d".pre-pitr*; do
  if [ -e "$p" ] || [ -L "$p" ]; then echo "@beside $p"; fi
done
if [ -d "$d" ] && [ -r "$d" ] && [ -x "$d" ]; then
  echo @names; ls -A -- "$d" | quoted
  ls -A -- "$d/pg_wal/" 2>/dev/null | sed -n 's|^.*\\.pitr$| pg_wal/&|p'
  if [ -L "$d/pg_wal" ]; then
    w=$(readlink -f -- "$d/pg_wal") || w=$(readlink -- "$d/pg_wal")
    p=\${w%/*}
    while [ -n "$p" ] && { presence "$p"; [ $? -eq 1 ]; }; do p=\${p%/*}; done
    echo "@wal-space $w"
    { LC_ALL=C df -P -k -- "\${p:-/}" | tail -n 1; LC_ALL=C df -P -i -- "\${p:-/}" | tail -n 1; } | quoted
  fi
  if [ ! -e "$d/postgresql.auto.conf" ]; then
    echo @autoconf
  elif [ -r "$d/postgresql.auto.conf" ]; then
    echo @autoconf; sed -n 's/^[[:space:]]*\\([A-Za-z_.]*\\)[[:space:]]*=.*/ \\1/p' "$d/postgresql.auto.conf"
  fi
fi
home=$(getent passwd "$user" | cut -d : -f 6)
${NODE_SECRETS}
node_secrets "$config" "$home"
echo @end`);

/** The programs that a recovery runs on a node, beside those of PostgreSQL. */
const TOOLS = ['rsync', 'ssh', 'curl', 'patronictl', 'python3', 'base64', 'gzip', 'tar'] as const;

const PROGRAMS = ['pg_ctl', 'pg_controldata', 'psql', 'postgres', 'pg_basebackup'] as const;

/** Looks at all of it in one round trip. Throws where the answer is not whole. */
export async function lookAtNode(host: ReadHost, place: NodePlace): Promise<NodeLook> {
  const bin = place.bin ?? '';
  const tools = [
    ...TOOLS,
    ...(place.walMethod === 'barman-wal-restore' ? ['barman-wal-restore'] : []),
    ...(bin === '' ? [] : PROGRAMS.map((program) => `${bin}/${program}`)),
  ];
  const asked = Date.now();
  const answer = await host.query(LOOK([place.pgdata, bin, place.user, place.patroni.config, ...tools]));
  return nodeLookIn(reportOf(answer, host.name, 'the files and programs of the node'), asked, Date.now());
}

/** Reads the answer; `asked` and `answered` are epoch milliseconds of the controller. */
function nodeLookIn(parts: readonly ReportPart[], asked: number, answered: number): NodeLook {
  const one = (kind: string): ReportPart | undefined => parts.find((part) => part.kind === kind);
  const all = (kind: string): readonly string[] =>
    parts.flatMap((part) => (part.kind === kind ? [part.rest] : []));
  const names = one('names')?.lines;
  const wal = one('wal-space');
  const version = /\)\s+(\S+)/.exec(one('postgres')?.rest ?? '')?.[1];
  return {
    clock: readClock(one('clock')?.rest ?? '', one('zone')?.rest ?? '', asked, answered),
    missingTools: all('missing'),
    postgres: version,
    space: spaceIn(one('space')),
    walSpace: wal === undefined ? undefined : { wal: wal.rest, space: toldAtOnce(() => spaceIn(wal)) },
    beside: one('closed') === undefined ? all('beside') : undefined,
    names: names === undefined ? undefined : new Set(names),
    autoConf: one('autoconf')?.lines,
    ...secretFiles(parts),
  };
}

/** What `df` has printed into a part of a report. Throws kind `failed` where it could not tell. */
export function spaceIn(part: ReportPart | undefined): FreeSpace {
  const stdout = part?.lines.join('\n') ?? '';
  return parseSpace(part?.rest === '' || part === undefined ? 'the data directory' : part.rest, {
    argv: ['df'],
    exitCode: 0,
    stdout,
    stderr: '',
    durationMs: 0,
    timedOut: false,
  });
}
