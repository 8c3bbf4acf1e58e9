import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import type { PathState } from './path-resource.ts';

/** A name for what is kept of a path: two changes of one run may keep something of the same one. */
export interface KeptName {
  readonly name: string;
  /** Whether the very content lies there already, for an earlier change of the run. */
  readonly already: boolean;
}

export const HASH_TIMEOUT_MS = 30 * 60_000;

/** Of $1$2, $1-2$2, $1-3$2 ... the first that is free, or is a file whose hash is $3. */
const KEPT = probeScript(`
kept=$1$2 n=1
while [ -e "$kept" ] || [ -L "$kept" ]; do
  if [ -n "$3" ] && [ -f "$kept" ] && [ ! -L "$kept" ] && h=$(sha256sum < "$kept") && [ "\${h%% *}" = "$3" ]; then
    echo "same $n"
    exit
  fi
  n=$((n + 1))
  kept=$1-$n$2
done
echo "free $n"`);

/**
 * The first name that is free. With a hash: or where that content is kept already, which changes then share, and only the one
 * that has kept it may use it up.
 */
export async function keptName(
  host: ReadHost,
  stem: string,
  { ending = '', sha256 = '' }: { readonly ending?: string; readonly sha256?: string | undefined } = {},
): Promise<KeptName> {
  const answer = await host.query(KEPT([stem, ending, sha256], { timeoutMs: HASH_TIMEOUT_MS }));
  const [, how, number = '1'] = /^(same|free) (\d+)$/m.exec(answer.stdout) ?? [];
  if (how === undefined)
    throw commandFailed({ ...answer, argv: ['ls', '-d', `${stem}*${ending}`] }, host.name);
  return { name: `${stem}${number === '1' ? '' : `-${number}`}${ending}`, already: how !== 'free' };
}

/** Two tasks of one run may keep two contents of the same file. */
export function keptSuffix(dest: PathState | Unknown): string {
  return dest instanceof Unknown || dest.kind !== 'file' || dest.sha256 === undefined
    ? ''
    : `-${dest.sha256.slice(0, 8)}`;
}
