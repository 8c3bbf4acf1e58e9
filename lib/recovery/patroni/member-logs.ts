import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { patroniPython } from './config-file.ts';

const LINES = 8;

const PATRONI_LOG = `
log = part("log")
if log.get("dir"):
    print(os.path.join(str(log["dir"]), "patroni.log"))
`;

// Where each may write: Patroni into a file of its own, or to whoever runs it; PostgreSQL into what its collector names, or
// with Patroni's own words.
const END_OF_LOGS = probeScript(`${patroniPython(PATRONI_LOG)}
config=$1 manager=$2 service=$3 pgdata=$4 lines=$5
echo "@log Patroni"
file=$(patroni_python "$config" 2>/dev/null)
if [ -n "$file" ]; then tail -n "$lines" -- "$file" 2>&1
elif [ "$manager" = systemd ]; then journalctl -q -n "$lines" -o cat -u "$service" 2>&1
else
  # Without a log of its own a stream is an "ERROR" on stdout.
  for stream in stdout stderr; do supervisorctl tail -4000 "$service" $stream 2>/dev/null; done |
    grep -v '^[^ ]*: ERROR (' | tail -n "$lines"
fi
if [ -s "$pgdata/current_logfiles" ]; then
  read -r kind file < "$pgdata/current_logfiles"
  case $file in /*) ;; *) file=$pgdata/$file ;; esac
  echo "@log PostgreSQL"; tail -n "$lines" -- "$file" 2>&1
fi
exit 0`);

export interface MemberLogs {
  readonly config: string;
  readonly manager: 'supervisor' | 'systemd';
  readonly service: string;
  readonly pgdata: string;
}

/** What fails while it waits for a member tells the end of the member's logs too. */
export async function tellingLogs<T>(host: ReadHost, of: MemberLogs, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof PitrError) || thrown.kind !== 'failed') throw thrown;
    throw thrown.with({ details: await endOfLogs(host, of) });
  }
}

/** The last lines of Patroni's and PostgreSQL's logs on a member; nothing where none is found there. */
async function endOfLogs(host: ReadHost, of: MemberLogs): Promise<readonly string[]> {
  const told = await host.query(
    END_OF_LOGS([of.config, of.manager, of.service, of.pgdata, String(LINES)], { timeoutMs: 20_000 }),
  );
  return logLines(told.stdout);
}

/** Reads the answer of the look above. */
export function logLines(printed: string): readonly string[] {
  return printed.split(/^@log /m).flatMap((section) => {
    const [whose = '', ...lines] = section.split('\n');
    const said = lines.filter((line) => line.trim() !== '');
    return said.length === 0 ? [] : [`The end of ${whose}'s log:`, ...said.map((line) => `  ${line}`)];
  });
}
