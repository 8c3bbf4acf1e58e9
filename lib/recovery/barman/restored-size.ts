import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { CompleteBackup } from './backup-info.ts';
import type { ServerConfig } from './config.ts';
import { barmanNotAnswering } from './errors.ts';

/** Unpacking of everything, where no list of the files is there. */
const TIMEOUT_MS = 3_600_000;

// Argument: the data of the backup. The manifest of PostgreSQL 13 and later names every file with its size. Without one
// the gzip archives are unpacked and counted: what gzip itself notes of a size is cut off at 4 GiB.
const LOOK = probeScript(`
cd -- "$1" || exit 1
if [ -s backup_manifest ]; then
  echo "@bytes $(tr ',' '\\n' <backup_manifest | sed -n 's/.*"Size": *\\([0-9]*\\).*/\\1/p' | awk '{ s += $1 } END { printf "%.0f", s }')"
elif ls ./*.tar.gz >/dev/null 2>&1; then
  echo "@bytes $(for f in ./*.tar.gz; do gzip -dc <"$f" || echo; done | wc -c)"
fi
echo @end`);

/** Whether Barman unpacks it on the receiving host, which needs a place for that. */
export function isPacked({ compression }: Pick<CompleteBackup, 'compression'>): boolean {
  return (compression ?? 'none') !== 'none';
}

/**
 * Bytes of a backup as they will lie on the node. Barman's own figure is that of the files on its disk: of a compressed
 * backup, what it takes packed. Nothing where that cannot be told.
 */
export async function restoredSize(
  host: ReadHost,
  backup: CompleteBackup,
  servers: readonly ServerConfig[],
  user: string,
): Promise<number | undefined> {
  if (!isPacked(backup)) return backup.size;
  const server = servers.find(({ name }) => name === backup.server);
  if (server === undefined) return undefined;
  const data = `${server.basebackups}/${backup.id}/data`;
  const result = await host.query(LOOK([data], { user, timeoutMs: TIMEOUT_MS }));
  if (result.exitCode !== 0) {
    throw barmanNotAnswering(
      host.name,
      evidenceOf({ ...result, argv: ['sh', `(sizes of the files in ${data})`] }),
    );
  }
  const bytes = Number(parseReport(result.stdout).find(({ kind }) => kind === 'bytes')?.rest ?? 0);
  return bytes > 0 ? Math.max(bytes, backup.size ?? 0) : undefined;
}
