import { PitrError } from '../../base/errors/pitr-error.ts';
import { type Probe, probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';

// Sockets are no data, and tar leaves them out. Owners count only where they can be set, which is root's.
const LIST = `
cd -- "$1" || exit
LC_ALL=C; export LC_ALL
if [ "$2" = owners ]; then f='%y %m %u:%g %l %p\\0'; else f='%y %m %l %p\\0'; fi
list() { find . ! -type s -printf "$f" | sort -z; find . -type f -print0 | sort -z | xargs -0r sha256sum --; }
`;

const DIGEST = probeScript(`${LIST}\nlist | sha256sum`);
const LINES = probeScript(`${LIST}\nlist | tr '\\0' '\\n' | sort`);

/** Reading all of a big directory takes its time; nothing short of a day is a sign of trouble. */
const TIMEOUT_MS = 24 * 3_600_000;

/** One hash over all names, kinds, modes, owners, link targets and contents below a directory. */
export function digestProbe(path: string, owners: boolean): Probe {
  return DIGEST([path, owners ? 'owners' : ''], { timeoutMs: TIMEOUT_MS });
}

/** Reads it; throws kind `failed` when anything there could not be read. */
export function parseDigest(path: string, host: string, answer: RunResult): string {
  const digest = /^[0-9a-f]{64}/.exec(answer.stdout)?.[0];
  if (answer.exitCode === 0 && digest !== undefined && answer.stderr.trim() === '') return digest;
  throw new PitrError({
    kind: 'failed',
    code: 'tree-unreadable',
    message: `cannot read all of ${path}`,
    host,
    evidence: { ...evidenceOf(answer), command: `sha256sum of ${path}` },
  });
}

/** The same as text, a line each: what two directories differ in is found in it. */
export function linesProbe(path: string, owners: boolean): Probe {
  return LINES([path, owners ? 'owners' : ''], { timeoutMs: TIMEOUT_MS });
}

const SHOWN = 8;

/** The first names that differ between two such lists, in words. */
export function differences(source: string, copy: string): readonly string[] {
  const there = new Set(source.split('\n'));
  const here = new Set(copy.split('\n'));
  const only = (of: ReadonlySet<string>, not: ReadonlySet<string>) =>
    new Set([...of].filter((line) => line !== '' && !not.has(line)).map(nameIn));
  const missing = only(there, here);
  const extra = only(here, there);
  const all = [...new Set([...missing, ...extra])].sort();
  const words = all.slice(0, SHOWN).map((name) => {
    const how = missing.has(name)
      ? extra.has(name)
        ? 'differs'
        : 'missing in the copy'
      : 'only in the copy';
    return `${name}: ${how}`;
  });
  return all.length > SHOWN ? [...words, `and ${all.length - SHOWN} more`] : words;
}

/** The path is the last field of a line, and all begin with a dot. */
function nameIn(line: string): string {
  const slash = line.lastIndexOf(' ./');
  return slash < 0 ? (line.endsWith(' .') ? '.' : line) : line.slice(slash + 1);
}
