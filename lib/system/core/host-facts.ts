import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Result } from '../../contract/module.ts';
import { type Probe, probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';

export const FACT_SUBSETS = ['os', 'kernel', 'cpu', 'memory', 'hostname', 'users', 'time'] as const;

export type FactSubset = (typeof FACT_SUBSETS)[number];

// Each part is announced by a line that no part itself can print: it starts with a byte that is in no such text.
const ASK = probeScript(`
for part do
  printf '\\036%s\\n' "$part"
  case $part in
    os) cat /etc/os-release 2>/dev/null || cat /usr/lib/os-release ;;
    kernel) uname -s; uname -r; uname -m ;;
    cpu) getconf _NPROCESSORS_ONLN; sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1 ;;
    memory) cat /proc/meminfo ;;
    hostname) uname -n; hostname -f 2>/dev/null || echo; cat /etc/machine-id 2>/dev/null || echo ;;
    users) getent passwd 2>/dev/null || cat /etc/passwd ;;
    time) date '+%s %z' ;;
  esac
done
exit 0`);

/** One script that answers for all the parts asked for. */
export function factsProbe(subsets: readonly FactSubset[]): Probe {
  return ASK([...new Set(subsets)]);
}

/** Reads its answer. Throws kind `failed` when a part is missing. */
export function parseFacts(subsets: readonly FactSubset[], answer: RunResult): Result {
  const parts = new Map(
    answer.stdout
      .split('\x1e')
      .slice(1)
      .map((part) => {
        const end = part.indexOf('\n');
        return [part.slice(0, end), part.slice(end + 1)] as const;
      }),
  );
  return Object.fromEntries(
    subsets.map((subset) => {
      const text = parts.get(subset);
      if (text === undefined) {
        throw new PitrError({
          kind: 'failed',
          code: 'facts-unreadable',
          message: `the host does not tell its ${subset}`,
          evidence: { ...evidenceOf(answer), command: 'the script of core.facts' },
        });
      }
      return [subset, PARSERS[subset](text)];
    }),
  );
}

const PARSERS: Readonly<Record<FactSubset, (text: string) => Result>> = {
  os: (text) => {
    const told = new Map(
      text.split('\n').flatMap((line) => {
        const match = /^([A-Z_]+)=(.*)$/.exec(line);
        return match === null ? [] : [[match[1] ?? '', unquoted(match[2] ?? '')] as const];
      }),
    );
    return {
      id: told.get('ID') ?? 'linux',
      like: (told.get('ID_LIKE') ?? '').split(' ').filter((word) => word !== ''),
      version: told.get('VERSION_ID') ?? '',
      codename: told.get('VERSION_CODENAME') ?? '',
      name: told.get('PRETTY_NAME') ?? told.get('NAME') ?? '',
    };
  },
  kernel: (text) => {
    const [name = '', release = '', architecture = ''] = text.split('\n');
    return { name, release, architecture };
  },
  cpu: (text) => {
    const [count = '', model = ''] = text.split('\n');
    return { count: Number(count), model };
  },
  memory: (text) => {
    const kilobytes = (key: string) => Number(new RegExp(`^${key}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0);
    return {
      total_bytes: kilobytes('MemTotal') * 1024,
      available_bytes: kilobytes('MemAvailable') * 1024,
      swap_bytes: kilobytes('SwapTotal') * 1024,
    };
  },
  hostname: (text) => {
    const [name = '', fqdn = '', machine_id = ''] = text.split('\n');
    return { name, fqdn: fqdn === '' ? name : fqdn, machine_id };
  },
  users: (text) =>
    Object.fromEntries(
      text.split('\n').flatMap((line) => {
        const [name = '', , uid, gid, , home, shell] = line.split(':');
        return shell === undefined
          ? []
          : [[name, { uid: Number(uid), gid: Number(gid), home, shell }] as const];
      }),
    ),
  time: (text) => {
    const [epoch = '', zone = ''] = text.trim().split(' ');
    return { epoch: Number(epoch), zone };
  },
};

/** A value of os-release: a shell word. */
function unquoted(value: string): string {
  const match = /^(["'])(.*)\1$/.exec(value);
  return match === null ? value : (match[2] ?? '').replace(/\\(["'$`\\])/g, '$1');
}
