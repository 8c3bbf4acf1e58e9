import type { WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';

// A command line is matched by how `barman recover` begins and ends: $1 and $2.
const FIND = `
left() {
  for f in /proc/[0-9]*/cmdline; do
    p=\${f#/proc/}; p=\${p%/cmdline}
    [ "$p" != $$ ] || continue
    c=$(tr '\\0' ' ' <"$f" 2>/dev/null) || continue
    case $c in *"/barman $1 "*"$2 ") printf '%s ' "$p" ;; esac
  done
}`;

const LEFT = probeScript(`${FIND}\nleft "$1" "$2"`);
const WAIT_GONE = probeScript(`${FIND}
n=0
while [ $n -lt 40 ] && [ -n "$(left "$1" "$2")" ]; do sleep 0.25; n=$((n + 1)); done
left "$1" "$2"`);

const DEADLINE_MS = 30_000;

/**
 * Ends a `barman recover` that a dead controller left at work on Barman's host, by its process id: it would start its
 * rsync again. It is told by its command line: the same way to log in, the same backup, the same destination.
 */
export async function endBarmanRecover(
  host: WriteHost,
  argv: readonly string[],
  user: string,
): Promise<void> {
  const way = argv.includes('--remote-ssh-command') ? 4 : 2;
  const marks = [argv.slice(1, way).join(' '), argv.slice(-3).join(' ')];
  const options = { user, signal: AbortSignal.timeout(DEADLINE_MS), timeoutMs: DEADLINE_MS };
  const left = pidsOf((await host.run(LEFT(marks).argv, options)).stdout);
  if (left.length === 0) return;
  await host.run(['kill', ...left], options);
  const stubborn = pidsOf((await host.run(WAIT_GONE(marks).argv, options)).stdout);
  if (stubborn.length > 0) await host.must(['kill', '-KILL', ...stubborn], options);
}

function pidsOf(stdout: string): readonly string[] {
  return stdout.split(/\s+/).filter((pid) => /^\d+$/.test(pid));
}
