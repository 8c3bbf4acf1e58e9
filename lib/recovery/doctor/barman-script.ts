import { parseVersion, type Version } from '../../base/values/version.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport } from '../../contract/script-report.ts';
import type { FreeSpace } from '../../system/fs/free-space.ts';
import type { ServerConfig } from '../barman/config.ts';
import { type HostClock, readClock } from './host-clock.ts';
import { type SecretFile, secretFile, spaceIn } from './node-script.ts';
import type { BarmanPlace } from './place.ts';

/** What Barman's host says beside its catalogue. */
export interface BarmanLook {
  readonly clock: HostClock;
  readonly missingTools: readonly string[];
  readonly version?: Version | undefined;
  readonly spaces: readonly { readonly server: string; readonly space: FreeSpace }[];
  /** Files that have waited in a server's incoming directory for more than ten minutes. */
  readonly waiting: readonly { readonly server: string; readonly files: number }[];
  readonly secrets: readonly SecretFile[];
}

const TOOLS = ['barman', 'rsync', 'ssh', 'gzip', 'base64', 'awk', 'find'] as const;

// Arguments: the number of tools, the tools, then of each server: name, backups' and incoming directories.
const LOOK = probeScript(`
quoted() { awk '{ print " " $0 }'; }
echo "@clock $(date +%s.%N)"
echo "@zone $(date '+%z %Z')"
tools=$1; shift
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
  [ ! -d "$3" ] || echo "@waiting $(find "$3/" -type f -mmin +10 | wc -l) $1"
  shift 3
done
for f in ~/.pgpass; do [ ! -f "$f" ] || stat -L -c '@secret %a %U %n' -- "$f"; done
echo @end`);

/** Looks at all of it in one round trip. Throws where the answer is not whole. */
export async function lookAtBarman(
  host: ReadHost,
  place: BarmanPlace,
  servers: readonly ServerConfig[],
): Promise<BarmanLook> {
  const places = servers.flatMap(({ name, basebackups, incoming }) => [name, basebackups, incoming]);
  const asked = Date.now();
  const answer = await host.query(
    LOOK([String(TOOLS.length), ...TOOLS, ...places], { user: place.user, timeoutMs: 120_000 }),
  );
  return parseBarmanLook(answer.stdout, asked, Date.now());
}

export function parseBarmanLook(printed: string, asked: number, answered: number): BarmanLook {
  const parts = parseReport(printed);
  const all = (kind: string): readonly string[] =>
    parts.flatMap((part) => (part.kind === kind ? [part.rest] : []));
  return {
    clock: readClock(all('clock')[0] ?? '', all('zone')[0] ?? '', asked, answered),
    missingTools: all('missing'),
    version: parseVersion(all('version')[0] ?? ''),
    spaces: parts.flatMap((part) =>
      part.kind === 'space' ? [{ server: part.rest, space: spaceIn(part) }] : [],
    ),
    waiting: all('waiting').map((told) => {
      const [files = '0', ...server] = told.split(' ');
      return { server: server.join(' '), files: Number(files) };
    }),
    secrets: all('secret').flatMap(secretFile),
  };
}
