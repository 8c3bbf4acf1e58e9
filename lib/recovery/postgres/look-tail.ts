import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportIn } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { TailFile } from '../wal/tail.ts';
import { walVersionUnknown } from '../wal/version-refusal.ts';
import type { InstanceState } from './instance.ts';
import { instanceOf, instanceProbe } from './instance-resource.ts';
import { OtherWalVersion, type PgWal, parsePgWal, tailOf, waitingOf } from './pg-wal.ts';

/** Whose pg_wal is looked at. */
export interface TailWish {
  readonly pgdata: string;
  /** OS user that owns the data. */
  readonly user: string;
  /** The timeline that a living leader archives, which is no tail; 0 where nobody leads. */
  readonly exceptTimeline: number;
  /** Of a running primary all that it has finished. */
  readonly finished?: boolean | undefined;
}

/** The WAL in a node's pg_wal that may be nowhere else. */
export interface ReadTail {
  readonly instance: InstanceState;
  readonly control: NonNullable<InstanceState['control']>;
  readonly files: readonly TailFile[];
  readonly histories: PgWal['histories'];
  readonly archiver: PgWal['archiver'];
  /** How many segments wait for the archiver of a running primary, and are not among the files. */
  readonly waiting: number;
}

/** Thousands of segments on a slow disk. */
const LOOK_MS = 120_000;

/** A running node makes, renames and removes segments while it is looked at. */
const TRIES = 5;

// One process reads the heads of all segments; -q keeps their names out of the bytes. What the archiver does stands in
// the title of its process. A find that fails has only seen files come and go, once it has proved that it can tell names.
const LOOK = probeScript(`
cd -- "$1/pg_wal" 2>/dev/null || { echo "cannot enter $1/pg_wal" >&2; exit 3; }
[ -r . ] || { echo "cannot list $1/pg_wal" >&2; exit 3; }
if [ -e archive_status ] && ! { [ -r archive_status ] && [ -x archive_status ]; }; then
  echo "cannot list $1/pg_wal/archive_status" >&2; exit 3
fi
find . -maxdepth 0 -printf '' 2>/dev/null || { echo "find cannot tell names here: it must know -printf" >&2; exit 3; }
hex='[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]'
echo @files
find . -maxdepth 1 -type f -name "$hex*" -printf ' %f\\t%T@\\n'
echo @settled
find . -maxdepth 1 -type f -name "$hex*" -mmin +1 -printf ' %f\\n'
echo @ready
find ./archive_status/ -maxdepth 1 -type f -name '*.ready' -printf ' %f\\n'
set -- "$1" $(find . -maxdepth 1 -type f -size +39c -name "$hex$hex$hex" -printf '%f\\n' | sort)
real=$(cd -- "$1" && pwd -P); shift
echo @heads
for segment in "$@"; do echo " $segment"; done
if [ $# -gt 0 ]; then
  echo @bytes
  head -q -c 40 -- "$@" | od -An -v -tx1 | tr -d ' \\n' | sed 's/^/ /'; echo
fi
for history in $hex.history; do
  [ -f "$history" ] || continue
  echo "@history $history"; awk '{ print " " $0 }' <"$history"
done
echo @archiver
if [ -f "$real/postmaster.pid" ]; then
  find /proc -mindepth 2 -maxdepth 2 -name cwd -printf '%h %l\\n' 2>/dev/null | grep -F -- " $real" |
    while read -r process directory; do
      [ "$directory" = "$real" ] && tr '\\0\\n' '  ' <"$process/cmdline" 2>/dev/null | grep -a '^postgres:.* archiver ' | sed 's/^/ /'
    done
fi
echo @end`);

/**
 * What a node has in pg_wal, in one round trip. Throws kind `failed`: `no-data-directory` where there is none,
 * `pg-wal-unreadable` where it cannot be looked into. Kind `refused`: `wal-version-unknown`.
 */
export async function readTail(host: ReadHost, wish: TailWish): Promise<ReadTail> {
  for (let tries = 1; ; tries++) {
    const [told, listed] = await host.queryAll([
      instanceProbe(wish.pgdata),
      LOOK([wish.pgdata], { user: wish.user, timeoutMs: LOOK_MS }),
    ]);
    if (told === undefined || listed === undefined) throw new Error('a batch answers every probe');
    const instance = instanceOf(told, host.name, wish.pgdata);
    const { control, role } = instance;
    if (control === undefined || role === undefined) throw noData(host.name, wish.pgdata);
    const wal = reportIn(listed) === undefined ? undefined : parsePgWal(listed.stdout);
    if (wal !== undefined) {
      const { systemId, segmentSize } = control;
      const owner = { running: instance.running, role, systemId, segmentSize };
      const files = knownTail(() => tailOf(wal, owner, wish.exceptTimeline, wish.finished), host.name);
      const { histories, archiver } = wal;
      return { instance, control, files, histories, archiver, waiting: waitingOf(wal, owner, files) };
    }
    if (listed.exitCode === 0 && tries < TRIES) continue;
    throw new PitrError({
      kind: 'failed',
      code: 'pg-wal-unreadable',
      message: `cannot look into ${wish.pgdata}/pg_wal`,
      host: host.name,
      evidence: { ...evidenceOf(listed), command: `(a look at ${wish.pgdata}/pg_wal)` },
      next: [
        'Check pg_user in the inventory: the OS user that owns the data.',
        'Where find there knows no -printf (busybox): install findutils.',
      ],
    });
  }
}

function knownTail(files: () => readonly TailFile[], host: string): readonly TailFile[] {
  try {
    return files();
  } catch (thrown) {
    if (thrown instanceof OtherWalVersion) throw walVersionUnknown(thrown.segment, thrown.message, host);
    throw thrown;
  }
}

function noData(host: string, pgdata: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'no-data-directory',
    message: `no PostgreSQL data in ${pgdata}, or no pg_controldata of its version`,
    host,
    next: ['Check pgdata in the inventory.'],
  });
}
