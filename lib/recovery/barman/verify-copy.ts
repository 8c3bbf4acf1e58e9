import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { isBrokenOff, reportIn } from '../../contract/script-report.ts';
import { evidenceOf, howItEnded } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';

/** What a copy must be, in plain data. */
export interface ExpectedCopy {
  readonly backup: string;
  readonly systemId?: string | undefined;
  /** Where the backup begins, as in its label: `0/7000028`. */
  readonly beginLsn: string;
  /** Of PostgreSQL: 15. */
  readonly major?: number | undefined;
  /** Bytes. */
  readonly size?: number | undefined;
}

/** What was found in a copy that is whole. */
export interface VerifiedCopy {
  readonly files: number;
  readonly bytes: number;
  readonly systemId: string;
}

/** A database has millions of files, and they are looked at once: nothing short of a day is a sign of trouble. */
const DEADLINE_MS = 24 * 3_600_000;

/** How the look ends where find could not see all of it. */
const BLIND = 3;

// The first eight bytes of pg_control are the system identifier, in the byte order of the host.
const LOOK = probeScript(`
cd -- "$1" || exit 1
echo "@version $(cat PG_VERSION)"
echo "@system $(od -An -tu8 -N8 global/pg_control | tr -d ' ')"
echo @label; awk '{ print " " $0 }' <backup_label
echo "@mode $(stat -c '%U %a' .)"
{ find . -printf '%y %s\\n' ! -user "$2" -printf '! %p\\n' || echo -; } | awk '
$1 == "-" { blind = 1; next }
$1 == "!" { if (foreign == "") foreign = substr($0, 3); next }
{ bytes += $2 } $1 == "f" { files++ }
END {
  if (blind && foreign == "") exit ${BLIND}
  printf "@foreign %s\\n@files %.0f\\n@bytes %.0f\\n", foreign, files, bytes
}' || exit
if [ -f .barman-recover.info ]; then echo @copied; fi
echo @end`);

/**
 * Proves that a copied data directory is this very backup and can be started: version, system identifier, the begin
 * of the backup in its label, owner and mode. Throws kind `failed` naming each that is not as it must be
 * (`copy-not-whole`), or where the look did not come to its end (`copy-not-seen`).
 */
export async function verifyCopy(
  host: ReadHost,
  destination: string,
  owner: string,
  expected: ExpectedCopy,
  runId: string,
): Promise<VerifiedCopy> {
  const result = await host.query(LOOK([destination, owner], { user: owner, timeoutMs: DEADLINE_MS }));
  const parts = reportIn(result);
  if (parts === undefined && (isBrokenOff(result) || result.exitCode === 0 || result.exitCode === BLIND))
    throw notSeen(result, destination, host.name, runId);
  if (parts === undefined)
    throw notThisBackup(['it cannot be read'], destination, expected, host.name, result);
  const fact = (kind: string): string => parts.find((part) => part.kind === kind)?.rest.trim() ?? '';
  const label = parts.find((part) => part.kind === 'label')?.lines.join('\n') ?? '';
  const begin = /^START WAL LOCATION: (\S+)/m.exec(label)?.[1];
  const [user = '', mode = ''] = fact('mode').split(' ');
  const { systemId, beginLsn, major } = expected;
  const wrong: string[] = [];
  if (major !== undefined && fact('version') !== String(major))
    wrong.push(`PG_VERSION is "${fact('version')}", the backup is of version ${major}`);
  if (systemId !== undefined && fact('system') !== systemId)
    wrong.push(
      `its system identifier is ${fact('system') || 'not readable'}, that of the backup ${systemId}`,
    );
  if (begin !== beginLsn)
    wrong.push(`its backup_label begins at ${begin ?? 'no position'}, the backup at ${beginLsn}`);
  if (user !== owner || !/^7[05]0$/.test(mode))
    wrong.push(`it belongs to ${user} with mode ${mode}, not to ${owner} with 700 or 750`);
  if (fact('foreign') !== '') wrong.push(`${fact('foreign')} in it does not belong to ${owner}`);
  if (!parts.some((part) => part.kind === 'copied'))
    wrong.push('Barman did not finish it (.barman-recover.info is missing)');
  if (wrong.length > 0) throw notThisBackup(wrong, destination, expected, host.name, result);
  return { files: Number(fact('files')), bytes: Number(fact('bytes')), systemId: fact('system') };
}

function notThisBackup(
  wrong: readonly string[],
  destination: string,
  { backup }: ExpectedCopy,
  host: string,
  result: RunResult,
): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'copy-not-whole',
    message: `the copy in ${destination} is not backup ${backup} as it must be: ${wrong[0]}`,
    details: wrong,
    host,
    evidence: result.exitCode === 0 ? undefined : evidenceOf({ ...result, argv: ['ls', '-l', destination] }),
    next: ['Remove it and copy again: pitr undo of this run removes it.'],
  });
}

/** Nothing is known of it then, least of all that it has to go. */
function notSeen(result: RunResult, destination: string, host: string, runId: string): PitrError {
  const why = result.exitCode === 0 ? 'gave no whole answer' : howItEnded(result);
  return new PitrError({
    kind: 'failed',
    code: 'copy-not-seen',
    message: `the copy in ${destination} could not be looked at: the look ${why}`,
    host,
    evidence: evidenceOf({ ...result, argv: ['sh', `(a look at all files of ${destination})`] }),
    state: 'The copy is kept as it is. Nothing is known to be wrong with it.',
    next: [
      result.exitCode === BLIND
        ? `Mend on ${host} what find says: it must see all of the copy, and be that of GNU findutils.`
        : `See what keeps ${host} so busy, there: uptime`,
      `Then go on, which looks at it again, and copies nothing where it is whole: pitr resume ${runId}`,
    ],
  });
}
