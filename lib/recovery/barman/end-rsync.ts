import type { WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';

// Receivers that were left alone end when they notice that nobody sends any more; that takes a moment.
const WAIT_GONE = probeScript(`
left() {
  for f in /proc/[0-9]*/cmdline; do
    c=$(tr '\\0' ' ' <"$f" 2>/dev/null) || continue
    case $c in *rsync*--server*"$1"*) p=\${f#/proc/}; printf '%s ' "\${p%/cmdline}" ;; esac
  done
}
n=0
while [ $n -lt 20 ] && [ -n "$(left "$1")" ]; do sleep 0.25; n=$((n + 1)); done
left "$1"`);

const DEADLINE_MS = 20_000;

/**
 * After a copy was stopped: waits until no rsync writes to the destination on the receiving host any more, and ends
 * those that do not end by themselves within five seconds, by their process ids.
 */
export async function endReceivingRsync(host: WriteHost, destination: string, user: string): Promise<void> {
  // The run's own signal is aborted already when an interruption brings us here.
  const signal = AbortSignal.timeout(DEADLINE_MS);
  const options = { user, signal, timeoutMs: DEADLINE_MS };
  const left = await host.run(WAIT_GONE([destination]).argv, options);
  const pids = left.stdout.split(/\s+/).filter((pid) => /^\d+$/.test(pid));
  if (pids.length > 0) await host.run(['kill', ...pids], options);
}
