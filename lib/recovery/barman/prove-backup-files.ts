import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { isBrokenOff, lookBrokenOff, reportIn } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { backupNotWhole, backupWithout, formOf } from './backup-files.ts';
import type { BackupInfo } from './backup-info.ts';
import type { ServerConfig } from './config.ts';
import { barmanNotAnswering } from './errors.ts';
import type { Stock } from './refusals.ts';

/** A find over millions of files on slow disks takes hours; nothing short of a day is a sign of trouble. */
const TIMEOUT_MS = 24 * 3_600_000;

// Arguments: the directory of the backup, and whether it lies there as files or as an archive of them. Links are followed as
// Barman follows them when it counts.
const LOOK = probeScript(`
cd -- "$1" || exit 1
if [ "$2" = archive ]; then
  missing='@missing base.tar'
  for f in data/base.tar*; do [ ! -s "$f" ] || missing=; done
  [ -z "$missing" ] || echo "$missing"
else
  for f in PG_VERSION backup_label global/pg_control; do
    if [ ! -s "data/$f" ]; then echo "@missing $f"; fi
  done
fi
echo "@bytes $(find -L . -type f ! -path ./backup.info ! -path './annotations/*' -printf '%s\\n' 2>/dev/null | awk '{ s += $1 } END { printf "%.0f", s }')"
if [ -f backup.info ]; then echo "@info $(stat -c %s backup.info)"; fi
echo @end`);

/** Of another status no file need be there. WAL that one waits for is not that of a difference to it. */
const WITH_FILES: ReadonlySet<string> = new Set(['DONE', 'WAITING_FOR_WALS']);

interface HowLong {
  readonly progress?: (text: string) => void;
  /** Of the look at the files of one backup. A recovery rests on the answer; a monitor does not wait for a day. */
  readonly timeoutMs?: number;
}

/**
 * Proves that the files of a backup are all there, as far as names and sizes tell, and those of the backups that it is a
 * difference to. Throws kind `refused` naming what is not, and kind `failed` (`look-broken-off`) where a look did not come
 * to its end. Gives whether all of them could be looked at: of a snapshot and of an encrypted backup nothing can be said.
 */
export async function proveBackupFiles(
  host: ReadHost,
  backup: BackupInfo,
  servers: readonly (ServerConfig & Stock)[],
  user: string,
  { progress, timeoutMs = TIMEOUT_MS }: HowLong = {},
): Promise<boolean> {
  const server = servers.find(({ name }) => name === backup.server);
  if (server === undefined) return false;
  const prove = (one: BackupInfo): Promise<boolean> => {
    progress?.(`looking at all files of backup ${one.id} of server ${one.server}`);
    return proveFilesOf(host, one, server, { user, timeoutMs });
  };
  let seenAll = await prove(backup);
  const seen = new Set<string>([backup.id]);
  for (let { parent } = backup; parent !== undefined; ) {
    const next = server.backups.find(({ id }) => id === parent);
    if (next === undefined || seen.has(parent))
      throw backupWithout(backup, parent, 'Barman does not have', host.name);
    if (!WITH_FILES.has(next.status)) throw backupWithout(backup, parent, `is ${next.status}`, host.name);
    seenAll = (await prove(next)) && seenAll;
    seen.add(parent);
    parent = next.parent;
  }
  return seenAll;
}

async function proveFilesOf(
  host: ReadHost,
  backup: BackupInfo,
  server: ServerConfig,
  how: { readonly user: string; readonly timeoutMs: number },
): Promise<boolean> {
  const form = formOf(backup);
  if (form === undefined) return false;
  const directory = `${server.basebackups}/${backup.id}`;
  const result = await host.query(LOOK([directory, form], how));
  if (isBrokenOff(result))
    throw lookBrokenOff(result, host.name, `the files of backup ${backup.id} in ${directory}`);
  const parts = reportIn(result);
  if (parts === undefined) {
    throw barmanNotAnswering(host.name, evidenceOf({ ...result, argv: ['find', directory] }));
  }
  const number = (kind: string): number => Number(parts.find((part) => part.kind === kind)?.rest ?? 0);
  const found = {
    missing: parts.flatMap(({ kind, rest }) => (kind === 'missing' ? [rest] : [])),
    bytes: number('bytes'),
    infoBytes: number('info'),
  };
  const refusal = backupNotWhole(backup, found, directory, host.name);
  if (refusal !== undefined) throw refusal;
  return true;
}
