import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { isBrokenOff, lookBrokenOff, reportIn } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { type BackupInfo, chainOfBackup, isPacked } from './backup-info.ts';
import type { ServerConfig } from './config.ts';
import { barmanNotAnswering } from './errors.ts';
import type { Stock } from './refusals.ts';

/** Unpacking of everything, where no list of the files is there, takes hours; nothing short of a day is a sign of trouble. */
const TIMEOUT_MS = 24 * 3_600_000;

// Argument: the data of the backup. The manifest of PostgreSQL 13 and later names every file with its size. Without one
// the gzip archives are unpacked and counted: what gzip itself notes of a size is cut off at 4 GiB. What comes out of an
// archive that cannot be unpacked to its end is no size. Archives that are not compressed are as large as what is in them.
const LOOK = probeScript(`
cd -- "$1" || exit 1
if [ -s backup_manifest ]; then
  echo "@bytes $(tr ',' '\\n' <backup_manifest | sed -n 's/.*"Size": *\\([0-9]*\\).*/\\1/p' | awk '{ s += $1 } END { printf "%.0f", s }')"
elif ls ./*.tar.gz >/dev/null 2>&1; then
  bytes=$({ for f in ./*.tar.gz; do gzip -dc <"$f" || echo broken >&3; done | wc -c; } 3>&1)
  case $bytes in *broken*) ;; *) echo "@bytes $bytes" ;; esac
elif ls ./*.tar >/dev/null 2>&1; then
  echo "@bytes $(cat ./*.tar | wc -c)"
fi
echo @end`);

/**
 * Bytes of a backup as they will lie on the node. Barman's own figure is that of the files on its disk: of a compressed
 * backup, what it takes packed; of a difference to an earlier one, what has changed since. Such a one is combined with
 * all that it rests on, and no byte comes from anywhere else: together they are the most that it can take. Nothing where
 * that cannot be told. Throws kind `failed` (`look-broken-off`) where the look did not come to its end.
 */
export async function restoredSize(
  host: ReadHost,
  backup: BackupInfo,
  servers: readonly (ServerConfig & Stock)[],
  user: string,
): Promise<number | undefined> {
  const server = servers.find(({ name }) => name === backup.server);
  const chain = chainOfBackup(backup, server?.backups ?? []);
  if (chain === undefined) return undefined;
  let sum = 0;
  for (const one of chain) {
    const size = isPacked(one) ? await unpackedSize(host, one, server, user) : one.size;
    if (size === undefined) return undefined;
    sum += size;
  }
  return sum;
}

async function unpackedSize(
  host: ReadHost,
  backup: BackupInfo,
  server: ServerConfig | undefined,
  user: string,
): Promise<number | undefined> {
  if (server === undefined) return undefined;
  const directory = `${server.basebackups}/${backup.id}`;
  const data = `${directory}/data`;
  const result = await host.query(LOOK([data], { user, timeoutMs: TIMEOUT_MS }));
  if (isBrokenOff(result))
    throw lookBrokenOff(result, host.name, `the files of backup ${backup.id} in ${directory}`);
  const parts = reportIn(result);
  if (parts === undefined) {
    throw barmanNotAnswering(
      host.name,
      evidenceOf({ ...result, argv: ['sh', `(sizes of the files in ${data})`] }),
    );
  }
  const bytes = Number(parts.find(({ kind }) => kind === 'bytes')?.rest ?? 0);
  return bytes > 0 ? Math.max(bytes, backup.size ?? 0) : undefined;
}
