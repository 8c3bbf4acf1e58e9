import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportIn } from '../../contract/script-report.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import { type AtWork, blindRefusal, parseAtWork } from '../postgres/at-work.ts';
import { AT_WORK } from '../postgres/at-work-script.ts';
import { parseBackupInfo } from './backup-info.ts';
import { markerBeside, markerInside, parseMarker, type RestoreMarker } from './marker.ts';

/** What is at the place where a backup shall be copied to. */
export interface Destination {
  readonly kind: 'absent' | 'directory' | 'other';
  readonly empty: boolean;
  /** PostgreSQL works in it. */
  readonly running: boolean;
  /** PostgreSQL ran on it since it was copied: it is no longer the backup. */
  readonly started: boolean;
  /** A copy that was begun and not finished, or whose removal was begun; nothing of it need be there. */
  readonly copying?: RestoreMarker | undefined;
  /** A finished one. */
  readonly complete?: RestoreMarker | undefined;
  /** What Barman left behind when it finished. */
  readonly copied?:
    | { readonly server: string; readonly systemId?: string | undefined; readonly begin?: bigint | undefined }
    | undefined;
  /** Some of what lies there, for messages. */
  readonly names: readonly string[];
  /** Places of tablespaces that hold something. */
  readonly tablespacesInUse: readonly string[];
}

// Arguments: destination, marker in it, marker beside it, places of tablespaces.
const LOOK = probeScript(`${PRESENCE}${AT_WORK}
quoted() { awk '{ print " " $0 }' <"$1" || exit 1; }
d=$1
if [ -L "$d" ]; then echo '@kind other'
elif [ -d "$d" ]; then
  names=$(ls -A -- "$d" && echo .) || exit 1
  echo '@kind directory'
  [ "$names" = . ] || echo @filled
  echo @names; ls -A -- "$d" | head -n 8 | awk '{ print " " $0 }'
else
  presence "$d"; case $? in 0) echo '@kind other' ;; 1) echo '@kind absent' ;; *) exit 1 ;; esac
fi
if [ -f "$2" ]; then echo @inside; quoted "$2"; fi
if [ -f "$3" ]; then echo @beside; quoted "$3"; fi
if [ -f "$d/.barman-recover.info" ]; then echo @copied; quoted "$d/.barman-recover.info"; fi
if [ -f "$d/postmaster.opts" ]; then echo @started; fi
if [ -d "$d" ]; then postgres_at_work "$d"; fi
shift 3
for t do
  presence "$t"; case $? in 1) continue ;; 2) exit 1 ;; esac
  [ -z "$(ls -A -- "$t" 2>&1)" ] || echo "@tablespace $t"
done
echo @end`);

/**
 * Looks at the destination on its own host, as the user that will own it. Throws kind `failed` where that may not look,
 * kind `refused` (`postgres-at-work-unknown`) where nobody can tell whether PostgreSQL works there.
 */
export async function readDestination(
  host: ReadHost,
  destination: string,
  owner: string,
  tablespaces: readonly string[],
): Promise<Destination> {
  const args = [destination, markerInside(destination), markerBeside(destination), ...tablespaces];
  const result = await host.query(LOOK(args, { user: owner }));
  const parts = reportIn(result);
  if (parts === undefined) throw unreadable(destination, owner, host.name, result);
  const text = (kind: string): string | undefined =>
    parts.find((part) => part.kind === kind)?.lines.join('\n');
  const kind = parts.find((part) => part.kind === 'kind')?.rest;
  const names = parts.find((part) => part.kind === 'names')?.lines ?? [];
  const inside = parseMarker(text('inside') ?? '');
  const beside = parseMarker(text('beside') ?? '');
  const copied = text('copied');
  const work: AtWork = kind === 'directory' ? parseAtWork(result.stdout) : { answer: 'no' };
  if (work.answer === 'unknown') throw blindRefusal(destination, work.why).with({ host: host.name });
  return {
    kind: kind === 'directory' || kind === 'absent' ? kind : 'other',
    empty: !parts.some((part) => part.kind === 'filled'),
    running: work.answer === 'yes',
    started: text('started') !== undefined,
    copying: beside,
    // While a copy is under way, a marker inside can only have come with the backup.
    complete: beside === undefined && inside?.state === 'complete' ? inside : undefined,
    copied: copied === undefined ? undefined : copiedBackup(copied),
    names,
    tablespacesInUse: parts.filter((part) => part.kind === 'tablespace').map(({ rest }) => rest),
  };
}

/** `.barman-recover.info` is the backup's own description; its id is in none of its lines. */
function copiedBackup(text: string): NonNullable<Destination['copied']> {
  const info = parseBackupInfo('', '00000000T000000', text);
  const server = /^server_name=(.*)$/m.exec(text)?.[1]?.trim() ?? '';
  return { server, systemId: info.systemId, begin: info.beginLsn };
}

function unreadable(
  destination: string,
  owner: string,
  host: string,
  result: Parameters<typeof evidenceOf>[0],
): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'destination-unreadable',
    message: `${destination} cannot be looked into as ${owner}`,
    host,
    evidence: evidenceOf({ ...result, argv: ['ls', '-A', destination] }),
    next: [`ls -ld ${quote(destination)}`],
  });
}
