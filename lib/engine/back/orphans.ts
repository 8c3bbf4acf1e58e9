import type { WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';

/** The environment variable that the commands of a change carry. */
export const CHANGE_MARK = 'PITR_CHANGE';

export function changeMark(runId: string, number: number): string {
  return `${runId}.${number}`;
}

const FIND = `
left() {
  grep -lzxF -e "$1" /proc/[0-9]*/environ 2>/dev/null | while IFS=/ read -r _ _ p _; do
    [ "$p" = $$ ] || printf '%s ' "$p"
  done
}`;

const LEFT = probeScript(`${FIND}\nleft "$1"; :`);
const WAIT_GONE = probeScript(`${FIND}
n=0
while [ $n -lt 40 ] && [ -n "$(left "$1")" ]; do sleep 0.25; n=$((n + 1)); done
left "$1"; :`);

const DEADLINE_MS = 30_000;

/**
 * Ends what a change has left at work on a host when its controller died: all processes that carry the change's mark,
 * by their process ids; those that have not gone after ten seconds, with SIGKILL. Gives how many there were.
 */
export async function endOrphans(host: WriteHost, mark: string): Promise<number> {
  const entry = `${CHANGE_MARK}=${mark}`;
  const options = { signal: AbortSignal.timeout(DEADLINE_MS), timeoutMs: DEADLINE_MS };
  const left = pidsOf((await host.must(LEFT([entry]).argv, options)).stdout);
  if (left.length === 0) return 0;
  await host.run(['kill', ...left], options);
  const stubborn = pidsOf((await host.must(WAIT_GONE([entry]).argv, options)).stdout);
  if (stubborn.length > 0) await host.must(['kill', '-KILL', ...stubborn], options);
  return left.length;
}

function pidsOf(stdout: string): readonly string[] {
  return stdout.split(/\s+/).filter((pid) => /^\d+$/.test(pid));
}
