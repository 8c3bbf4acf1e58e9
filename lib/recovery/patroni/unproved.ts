import type { WriteHost } from '../../contract/host.ts';

// Never over what was put aside before. The name is printed.
const ASIDE = `
[ -e "$1" ] || [ -L "$1" ] || exit 0
n=1; p=$2
while [ -e "$p" ] || [ -L "$p" ]; do n=$((n + 1)); p=$2.$n; done
mv -T -n -- "$1" "$p" && printf %s "$p"`;

/** Renames data that could not be proved, of a member that is stopped; nothing where there is none. */
export async function putAside(host: WriteHost, pgdata: string, runId: string): Promise<string | undefined> {
  const moved = await host.must(['sh', '-c', ASIDE, 'sh', pgdata, `${pgdata}.unproved.${runId}`], {
    cwd: '/',
  });
  return moved.stdout === '' ? undefined : moved.stdout;
}
