import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { SETTINGS_OF_PRIMARY } from './control-data.ts';
import type { InstanceRef } from './instance-control.ts';

/** What the files of an instance say of the settings that a start depends on, by name. */
export type Configured = ReadonlyMap<string, string>;

// A file that PostgreSQL does not understand is for the start to tell, in PostgreSQL's own words.
const CONFIGURED = probeScript(`
d=$1; bin=$2; shift 2; cd /
for name in "$@"; do
  value=$("$bin/postgres" -D "$d" -C "$name" 2>/dev/null) && printf '@%s %s\\n' "$name" "$value"
done
"$bin/postgres" -D "$d" -C unix_socket_directories 2>/dev/null | tr ',' '\\n' | while read -r directory; do
  case $directory in /*) [ -d "$directory" ] || printf '@missing %s\\n' "$directory" ;; esac
done
exit 0`);

const ASKED = [...SETTINGS_OF_PRIMARY, 'logging_collector', 'log_destination'];

/** Throws kind `refused` (`socket-directory-missing`) where a directory for the socket is not there. */
export async function readConfigured(
  host: ReadHost,
  { pgdata, bin, user }: InstanceRef,
): Promise<Configured> {
  const answer = await host.query(CONFIGURED([pgdata, bin, ...ASKED], { user, timeoutMs: 30_000 }));
  const told = answer.stdout.split('\n').flatMap((line) => {
    const match = /^@(\w+) (.*)$/.exec(line);
    return match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const];
  });
  const missing = told.filter(([name]) => name === 'missing').map(([, directory]) => directory);
  if (missing.length > 0) throw noSocketDirectory(host.name, pgdata, user, missing);
  return new Map(told);
}

function noSocketDirectory(
  host: string,
  pgdata: string,
  user: string,
  missing: readonly string[],
): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'socket-directory-missing',
    message: `the directory for PostgreSQL's socket does not exist: ${missing.join(', ')}`,
    details: [
      `unix_socket_directories of ${pgdata} names it, and PostgreSQL does not start without it.`,
      'A directory below /run is gone after every boot unless the package, the service or tmpfiles.d makes it again.',
    ],
    host,
    state: 'Nothing was started or stopped.',
    next: missing.map(
      (path) => `Make it on ${host}, as root: install -d -o ${user} -g ${user} -m 2775 ${path}`,
    ),
  });
}

/**
 * The settings for the command line of a start that reads the instance's own files, beside those.
 *
 * - What it needed last time (`needed`, from its control file) and its files do not say: WAL of a primary that had raised
 *   a setting was replayed, and what came with it (prepared transactions) must fit in again. On the command line it holds
 *   until Patroni starts PostgreSQL itself, with its own.
 * - A log that neither a collector nor stderr gets (syslog) goes to stderr too, where the reason of a failed start is read.
 */
export function settingsOfPlainStart(
  configured: Configured,
  needed: Readonly<Record<string, number>> = {},
): readonly (readonly [name: string, value: string])[] {
  const raised = Object.entries(needed).flatMap(([name, value]) => {
    const own = Number(configured.get(name) ?? Number.NaN);
    return SETTINGS_OF_PRIMARY.has(name) && own < value ? [[name, String(value)] as const] : [];
  });
  const destinations = (configured.get('log_destination') ?? 'stderr')
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
  const collected = configured.get('logging_collector') === 'on' ? ['csvlog', 'jsonlog'] : [];
  const heard = destinations.some((word) => word === 'stderr' || collected.includes(word));
  return heard ? raised : [...raised, ['log_destination', [...destinations, 'stderr'].join(',')]];
}
