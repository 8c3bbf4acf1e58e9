import { PitrError } from '../../base/errors/pitr-error.ts';
import type { WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import { refuseAtWork } from './at-work.ts';
import { AT_WORK } from './at-work-script.ts';
import { linkedWalOf, moveLinkedWal, walBeside } from './linked-wal.ts';

/** What is not done where PostgreSQL works in a directory. */
export const NOT_RENAMED = 'its directory is not renamed under it';

const FREE = probeScript(
  '[ -e "$1" ] || [ -L "$1" ] || exit 3; n=1; p=$2; while [ -e "$p" ] || [ -L "$p" ]; do n=$((n + 1)); p=$2.$n; done; printf %s "$p"',
);

/**
 * Renames what lies at a path; of a data directory whose pg_wal is a link, the WAL too. Never deletes, and never over what
 * was put aside before. Gives the name that it has now; nothing where there was nothing. Throws as `rename` does.
 */
export async function putAside(host: WriteHost, path: string, aside: string): Promise<string | undefined> {
  const looked = await host.query(FREE([path, aside]));
  if (looked.exitCode === 3) return undefined;
  if (looked.exitCode !== 0) throw commandFailed(looked, host.name);
  const { stdout: free } = looked;
  const wal = await linkedWalOf(host, path);
  const beside = wal === undefined ? undefined : walBeside(path, free, wal);
  if (beside !== undefined) await moveLinkedWal(host, path, beside);
  await rename(host, path, free);
  return free;
}

// Looked at in the same breath as the rename: Patroni may be started by anybody at any time. mv -n says nothing when the
// new name was taken in the meantime; that the old one is still there tells.
const RENAME = `${AT_WORK}
if [ -d "$1" ]; then postgres_at_work "$1" below || exit; fi
mv -T -n -- "$1" "$2" || exit 16
[ ! -e "$1" ] && [ ! -L "$1" ] || { ls -ld -- "$1" "$2" >&2; exit 17; }`;

/**
 * Throws kind `refused` where a PostgreSQL works at or below what is to be renamed (`postgres-at-work`), or where nobody
 * can tell (`postgres-at-work-unknown`).
 */
export async function rename(host: WriteHost, from: string, to: string): Promise<void> {
  const result = await host.run(['sh', '-c', RENAME, 'sh', from, to]);
  refuseAtWork(result, from, NOT_RENAMED);
  if (result.exitCode === 17) {
    throw new PitrError({
      kind: 'failed',
      code: 'rename-not-done',
      message: `${from} was not renamed to ${to}: somebody else was there first`,
      evidence: { command: `mv -T -n ${quote(from)} ${quote(to)}`, stderr: result.stderr.trim() },
    });
  }
  if (result.exitCode !== 0)
    throw commandFailed({ ...result, argv: ['mv', '-T', '-n', from, to] }, host.name);
}
