import type { WriteHost } from '../../contract/host.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { refuseAtWork } from '../postgres/at-work.ts';
import { AT_WORK } from '../postgres/at-work-script.ts';

// Never over what was put aside before. The name is printed, on a line of its own.
const ASIDE = `${AT_WORK}
[ -e "$1" ] || [ -L "$1" ] || exit 0
postgres_at_work "$1" below || exit
n=1; p=$2
while [ -e "$p" ] || [ -L "$p" ]; do n=$((n + 1)); p=$2.$n; done
mv -T -n -- "$1" "$p" && printf '@aside %s' "$p"`;

/**
 * Renames data that could not be proved, of a member that is stopped; nothing where there is none. Throws kind `refused`
 * where something works there (`postgres-at-work`), or nobody can tell (`postgres-at-work-unknown`).
 */
export async function putAside(host: WriteHost, pgdata: string, runId: string): Promise<string | undefined> {
  const argv = ['sh', '-c', ASIDE, 'sh', pgdata, `${pgdata}.unproved.${runId}`];
  const moved = await host.run(argv, { cwd: '/' });
  refuseAtWork(moved, pgdata, 'its directory is not renamed under it');
  if (moved.exitCode !== 0) throw commandFailed(moved, host.name);
  return /^@aside (.*)/ms.exec(moved.stdout)?.[1];
}
