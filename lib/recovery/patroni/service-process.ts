import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport } from '../../contract/script-report.ts';
import { patroniPython } from './config-file.ts';
import { PATRONI_PROCESSES } from './processes.ts';

/**
 * Whether a service runs the Patroni of a configuration; another one, of which configuration; `unknown` where that cannot be
 * told.
 */
export type ServedPatroni = 'this' | 'unknown' | { readonly other: string };

/**
 * Python: a path is not what a Patroni is, for its configuration may have a copy or have been moved. Scope and name are
 * that; who has both the same and other data is not known. What a file does not say may be in the environment.
 */
const COMPARE = `
started = load(sys.argv[2])
pairs = [[str(one.get(key) or "") for one in (config, started)] for key in ("scope", "name")]
data = [str((one.get("postgresql") or {}).get("data_dir")) for one in (config, started)]
if any(own and other and own != other for own, other in pairs):
    print("other")
elif all(own and own == other for own, other in pairs) and os.path.realpath(data[0]) == os.path.realpath(data[1]):
    print("this")
`;

/**
 * The function `served_patroni PROC PID CONFIG` of sh, for behind `PATRONI_PROCESSES`: PID is the main process of the
 * service, which may be a wrapper. A Patroni of which no configuration is known counts where no other one runs.
 */
export const SERVED_PATRONI = `${patroniPython(COMPARE)}
merged_from() {
  case $1 in *.yml) [ -f "$1" ] && [ -d "$2" ] && same_file "\${1%/*}/" "$2/" ;; *) return 1 ;; esac
}
begun_by() {
  one=$3
  while [ "\${one:-0}" -gt 0 ]; do
    [ "$one" != "$2" ] || return 0
    one=$(sed -n 's/^PPid:[[:space:]]*//p' "$1/$one/status" 2>/dev/null)
  done
  return 1
}
served_patroni() {
  nameless= other= elsewhere= unread= compared=
  running=$(patroni_processes "$1")
  while read -r pid word; do
    [ -n "$pid" ] || continue
    if ! begun_by "$1" "$2" "$pid"; then elsewhere=yes
    elif [ "$word" = - ]; then nameless=yes
    elif same_file "$word" "$3" || merged_from "$3" "$word"; then echo @this; return
    elif [ "$word" != "$compared" ]; then
      compared=$word
      case $(patroni_python "$3" "$word" 2>/dev/null </dev/null) in
      this) echo @this; return ;;
      other) other=$word ;;
      *) unread=yes ;;
      esac
    fi
  done <<EOF
$running
EOF
  if [ -n "$unread" ]; then echo @unknown
  elif [ -n "$other" ]; then echo "@other $other"
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
