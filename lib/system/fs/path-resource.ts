import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Resource } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { quote } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';
import { NOTHING_THERE } from './presence.ts';

/** What is at a path. Symbolic links are not followed. Times and sizes are as `stat` tells them. */
export type PathState =
  | { readonly kind: 'absent' }
  | {
      readonly kind: 'file' | 'directory' | 'symlink' | 'other';
      /** Permission bits, `0o640`. */
      readonly mode: number;
      readonly owner: string;
      readonly group: string;
      /** Numeric ids; absent in predictions. */
      readonly uid?: number | undefined;
      readonly gid?: number | undefined;
      /** Bytes; of a directory what `stat` says. */
      readonly size: number;
      /** Epoch seconds. */
      readonly mtime: number;
      /** Of regular files up to `HASHED_BYTES` that may be read. */
      readonly sha256?: string | undefined;
      /** Of symbolic links. */
      readonly target?: string | undefined;
      /** Known only in predictions of small files, so that later tasks can read what would be written. */
      readonly content?: string | undefined;
    };

export const ABSENT: PathState = { kind: 'absent' };

/** Regular files up to this size are hashed with every look: about 0.2 s. */
export const HASHED_BYTES = 64 * 1024 * 1024;

// That something is absent is told from "may not be looked at" by the C locale's words: stat exits 1 for both.
const LOOK = probeScript(
  `
if ! f=$(LC_ALL=C stat -c '%f %a %s %Y %u %g %U:%G' -- "$1" 2>&1); then
  case $f in
    ${NOTHING_THERE}) echo absent; exit 0 ;;
    *) printf '%s\\n' "$f" >&2; exit 3 ;;
  esac
fi
printf '%s\\n' "$f"
set -- "$1" $f
case $(( 0x$2 & 0170000 )) in
  32768) if [ "$4" -le ${HASHED_BYTES} ] && h=$(sha256sum < "$1"); then printf '%s\\n' "\${h%% *}"; fi ;;
  40960) readlink -- "$1" ;;
esac
exit 0`,
  { inShell: true },
);

/** A file, directory or link by its absolute path. */
export const pathResource: Resource<PathState> = {
  kind: 'path',
  scope: 'host',
  tree: { absent: ABSENT },
  read: async (host, path) => parsePathState(path, await host.query(LOOK([path]))),
};

/** The file type bits of `st_mode` (0100000, 0040000, 0120000); in decimal because the formatter mangles octal keys. */
const TYPES: Readonly<Record<number, 'file' | 'directory' | 'symlink'>> = {
  32768: 'file',
  16384: 'directory',
  40960: 'symlink',
};

/** Reads the answer of the look above. Throws kind `failed` where it could not be told what is there. */
export function parsePathState(
  path: string,
  answer: Pick<RunResult, 'exitCode' | 'stdout' | 'stderr'>,
): PathState {
  const [first = '', ...rest] = answer.stdout.split('\n');
  if (first === 'absent') return ABSENT;
  const match = /^([0-9a-f]+) ([0-7]+) (\d+) (-?\d+) (\d+) (\d+) (.+):(.+)$/.exec(first);
  if (match === null) throw cannotLook(path, answer);
  const [, raw = '', mode = '', size = '', mtime = '', uid = '', gid = '', owner = '', group = ''] = match;
  const kind = TYPES[Number.parseInt(raw, 16) & 0o170000] ?? 'other';
  const more = rest.join('\n').replace(/\n$/, '');
  return {
    kind,
    mode: Number.parseInt(mode, 8),
    // stat says UNKNOWN for an id without a name; the number says more, and chown takes it.
    owner: owner === 'UNKNOWN' ? uid : owner,
    group: group === 'UNKNOWN' ? gid : group,
    uid: Number(uid),
    gid: Number(gid),
    size: Number(size),
    mtime: Number(mtime),
    ...(kind === 'file' && more !== '' ? { sha256: more } : {}),
    ...(kind === 'symlink' ? { target: more } : {}),
  };
}

function cannotLook(path: string, answer: Pick<RunResult, 'exitCode' | 'stdout' | 'stderr'>): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'path-unreadable',
    message: `cannot tell what is at ${path}`,
    evidence: {
      command: `stat ${quote(path)}`,
      ...(answer.exitCode === undefined ? {} : { exitCode: answer.exitCode }),
      stderr: (answer.stderr.trim() === '' ? answer.stdout : answer.stderr).trim().slice(-2000),
    },
    next: ['Run the task as a user that may look there (become: true), or correct the path.'],
  });
}
