import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport } from '../../contract/script-report.ts';
import { PATRONI_PROCESSES } from './processes.ts';

/** Whether a service runs the Patroni of a configuration; of another one, of which; `unknown` where that cannot be told. */
export type ServedPatroni = 'this' | 'unknown' | { readonly other: string };

/**
 * The function `served_patroni PROC PID CONFIG` of sh, for behind `PATRONI_PROCESSES`: PID is the main process of the
 * service, which may be a wrapper. A Patroni of which no configuration is known counts where no other one runs.
 */
export const SERVED_PATRONI = `
begun_by() {
  one=$3
  while [ "\${one:-0}" -gt 0 ]; do
    [ "$one" != "$2" ] || return 0
    one=$(sed -n 's/^PPid:[[:space:]]*//p' "$1/$one/status" 2>/dev/null)
  done
  return 1
}
served_patroni() {
  nameless= other= elsewhere=
  running=$(patroni_processes "$1")
  while read -r pid word; do
    [ -n "$pid" ] || continue
    if ! begun_by "$1" "$2" "$pid"; then elsewhere=yes
    elif [ "$word" = - ]; then nameless=yes
    elif same_file "$word" "$3"; then echo @this; return
    else other=$word; fi
  done <<EOF
$running
EOF
  if [ -n "$other" ]; then echo "@other $other"
  elif [ -n "$nameless" ] && [ -z "$elsewhere" ]; then echo @this
  else echo @unknown; fi
}`;

const LOOK = probeScript(`${PATRONI_PROCESSES}${SERVED_PATRONI}
served_patroni /proc "$1" "$2"
echo @end`);

/** Asks a host, by the main process that its manager names. */
export async function servedPatroni(host: ReadHost, pid: number, config: string): Promise<ServedPatroni> {
  const answer = await host.query(LOOK([String(pid), config], { timeoutMs: 30_000 }));
  const [told] = parseReport(answer.stdout);
  if (told?.kind === 'other') return { other: told.rest };
  return told?.kind === 'this' ? 'this' : 'unknown';
}
