import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';

/** What a host sees of a TCP port. `unknown`: nobody answered, or no tool could try it, which is not *closed*. */
export interface PortAnswer {
  readonly state: 'open' | 'closed' | 'unknown';
  readonly words: string;
}

/** The script has found none of its tools. */
const NO_TOOL = 90;

/**
 * `sh`: prints `open`, `closed` (the connection was refused), `silent` or `unknown`, and what the tool said. Arguments:
 * address, port. Refused counts where it is all that was said: a name may have several addresses. No tool for this is everywhere: netcat, bash's own sockets, curl, in the order of their cost. One that
 * cannot do it (BusyBox's nc has no -z) leaves it to the next.
 */
export const TRY_PORT = `
LC_ALL=C; export LC_ALL
tool=none; said=
answer() { printf '%s\\n%s\\n' "$1" "$said"; exit 0; }
told() {
  tool=found
  [ "$1" -eq 0 ] && answer open
  [ "$1" -eq 124 ] && answer silent
  case $said in
    *imed?out* | *"in progress"*) answer silent ;;
    *nreachable* | *"oute to host"*) ;;
    *efused*) answer closed ;;
  esac
}
if command -v nc >/dev/null 2>&1; then
  said=$(nc -z -v -w 3 -- "$1" "$2" 2>&1 </dev/null); told $?
fi
if command -v bash >/dev/null 2>&1; then
  said=$(timeout 3 bash -c ': <>"/dev/tcp/$0/$1"' "$1" "$2" 2>&1); told $?
fi
if command -v curl >/dev/null 2>&1; then
  case $1 in *:*) at="[$1]" ;; *) at=$1 ;; esac
  said=$(curl -sv --noproxy '*' --connect-timeout 3 --max-time 3 -o /dev/null -w 'connected=%{time_connect};' "telnet://$at:$2" 2>&1 </dev/null)
  ended=$?
  # It ends with 28 where nobody answered, and where somebody did and then said nothing.
  connected=\${said##*connected=}
  case \${connected%%;*} in *[1-9]*) ended=0 ;; esac
  [ "$ended" -ne 28 ] || ended=124
  told "$ended"
fi
[ $tool = found ] || exit ${NO_TOOL}
answer unknown`;

const tryPort = probeScript(TRY_PORT);

/** Tries a TCP port from a host. Throws kind `failed` where the host has nothing to try it with. */
export async function lookAtPort(host: ReadHost, address: string, port: number): Promise<PortAnswer> {
  return portAnswer(await host.query(tryPort([address, String(port)], { timeoutMs: 15_000 })));
}

/** Reads the answer of the script above. */
export function portAnswer(answer: RunResult): PortAnswer {
  if (answer.timedOut) return { state: 'unknown', words: 'no answer' };
  if (answer.exitCode === NO_TOOL) throw noTool(answer);
  const [word = '', ...said] = answer.exitCode === 0 ? answer.stdout.split('\n') : [];
  switch (word) {
    case 'open':
      return { state: 'open', words: 'open' };
    case 'closed':
      return { state: 'closed', words: 'connection refused' };
    case 'silent':
      return { state: 'unknown', words: 'no answer' };
    default: {
      const reason = (said.find((line) => line.trim() !== '') ?? answer.stderr.trim()).trim();
      return { state: 'unknown', words: `it cannot be told${reason === '' ? '' : `: ${reason}`}` };
    }
  }
}

function noTool(answer: RunResult): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'tool-missing',
    message: 'the host has none of nc, bash and curl, so it cannot try a port',
    evidence: evidenceOf(answer),
    next: ['apt-get install netcat-openbsd'],
  });
}
