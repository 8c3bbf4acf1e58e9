import { parseVersion, type Version } from '../../base/values/version.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { type ReportPart, reportOf } from '../../contract/script-report.ts';
import type { FreeSpace } from '../../system/fs/free-space.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import type { ServerConfig } from '../barman/config.ts';
import { BARMAN_CONFIGS } from '../barman/config-files-script.ts';
import { type HostClock, readClock, TELL_CLOCK } from './host-clock.ts';
import { spaceIn } from './node-script.ts';
import type { BarmanPlace } from './place.ts';
import { SECRET_FILE, type SecretFiles, secretFiles } from './secret-files.ts';

/** What Barman's host says beside its catalogue. */
export interface BarmanLook extends SecretFiles {
  readonly clock: HostClock;
  readonly missingTools: readonly string[];
  readonly version?: Version | undefined;
  readonly spaces: readonly { readonly server: string; readonly space: FreeSpace }[];
  readonly waiting: readonly WaitingFiles[];
}

/** Files that have waited for more than ten minutes where a server takes them in. */
export interface WaitingFiles {
  readonly server: string;
  /** Its incoming directory, or where it receives by streaming; the latter is looked at only where it does. */
  readonly place: 'incoming' | 'streaming';
  /** Absent where that cannot be looked into. */
  readonly files?: number | undefined;
}

const TOOLS = ['barman', 'rsync', 'ssh', 'gzip', 'base64', 'awk', 'find'] as const;

// What a file of WAL is called while it is still being copied. It keeps the time at which the node wrote it: when it has arrived
// its change of state tells. Of what it receives Barman keeps the newest: the beginning
// of a segment, and where there is none the last whole one.
const WAITING = `
finished() { p=$1; shift; find "$p/" -type f ! -name '.*' ! -name '*.tmp' "$@"; }
waiting() {
  presence "$1" 2>/dev/null; case $? in 1) echo 0; return ;; 2) echo '?'; return ;; esac
  if [ ! -d "$1" ] || [ ! -r "$1" ] || [ ! -x "$1" ] || ! command -v find >/dev/null 2>&1; then echo '?'; return; fi
  if [ "$2" = incoming ]; then
    arrived=$(finished "$1" ! -newerct "@$(($(date +%s) - $3))" -printf .) || { echo '?'; return; }
    echo "\${#arrived}"; return
  fi
  last=
  [ -n "$(finished "$1" -name '*.partial')" ] || last=$(finished "$1" | LC_ALL=C sort | tail -n 1)
  finished "$1" ! -name '*.partial' ! -path "$last" -mmin +10 | wc -l
}`;

// A conninfo may hold a password, in both of its forms.
export const BARMAN_SECRETS = `${SECRET_FILE}${BARMAN_CONFIGS}
barman_secrets() {
  secret_file ~/.pgpass
  barman_configs | while IFS= read -r c; do
    grep -qE '^[^#;]*(password[[:space:]]*=|://[^/@[:space:]]*:[^/@[:space:]]*@)' "$c" 2>/dev/null
    case $? in 0) secret_file "$c" ;; 1) ;; *) echo "@secret-unseen $c" ;; esac
  done
}`;

// Arguments: for how many seconds what has arrived may wait, the number of tools, the tools, then of each server: name, backups' and incoming directories, and that of
// streaming or nothing.
const LOOK = probeScript(`${PRESENCE}${WAITING}${BARMAN_SECRETS}
quoted() { awk '{ print " " $0 }'; }
${TELL_CLOCK}
waited=$1 tools=$2; shift 2
while [ "$tools" -gt 0 ]; do
  command -v -- "$1" >/dev/null 2>&1 || echo "@missing $1"
  shift; tools=$((tools - 1))
done
echo "@version $(barman --version 2>/dev/null | head -n 1)"
while [ $# -gt 0 ]; do
  p=$2
  while [ ! -e "$p" ] && [ -n "$p" ]; do p=\${p%/*}; done
  echo "@space $1"
  { LC_ALL=C df -P -k -- "\${p:-/}" | tail -n 1; LC_ALL=C df -P -i -- "\${p:-/}" | tail -n 1; } | quoted
  echo "@waiting $(waiting "$3" incoming "$waited") incoming $1"
  [ -z "$4" ] || echo "@waiting $(waiting "$4" streaming) streaming $1"
  shift 4
done
barman_secrets
echo @end`);

/** Looks at all of it in one round trip. Throws where the answer is not whole. */
export async function lookAtBarman(
  host: ReadHost,
  place: BarmanPlace,
  servers: readonly ServerConfig[],
  waitedSeconds = 600,
): Promise<BarmanLook> {
  const places = servers.flatMap(({ name, basebackups, incoming, streaming, streamingArchiver }) => [
    name,
    basebackups,
    incoming,
    streamingArchiver ? streaming : '',
  ]);
  const asked = Date.now();
  const answer = await host.query(
    LOOK([String(waitedSeconds), String(TOOLS.length), ...TOOLS, ...places], {
      user: place.user,
      timeoutMs: 120_000,
    }),
  );
  return barmanLookIn(reportOf(answer, host.name, "Barman's files and programs"), asked, Date.now());
}

function barmanLookIn(parts: readonly ReportPart[], asked: number, answered: number): BarmanLook {
  const all = (kind: string): readonly string[] =>
    parts.flatMap((part) => (part.kind === kind ? [part.rest] : []));
  return {
    clock: readClock(all('clock')[0] ?? '', all('zone')[0] ?? '', asked, answered),
    missingTools: all('missing'),
    version: parseVersion(all('version')[0] ?? ''),
    spaces: parts.flatMap((part) =>
      part.kind === 'space' ? [{ server: part.rest, space: spaceIn(part) }] : [],
    ),
    waiting: all('waiting').map((told): WaitingFiles => {
      const [files = '', place, ...server] = told.split(' ');
      return {
        server: server.join(' '),
        place: place === 'streaming' ? place : 'incoming',
        ...(/^\d+$/.test(files) ? { files: Number(files) } : {}),
      };
    }),
    ...secretFiles(parts),
  };
}
