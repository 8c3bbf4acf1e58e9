import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { type Probe, probeScript } from '../../contract/probe.ts';
import type { RunResult } from '../../transport/types.ts';
import { FETCHED } from '../postgres/look-replay.ts';
import type { SessionTarget } from '../postgres/sql.ts';
import { isUp, type Member } from './cluster.ts';
import { findLeaderInstance } from './leader-instance.ts';
import type { StreamingFacts } from './streaming.ts';

/** How far a copy has come, and what its server fetches. */
export interface CopyLook {
  /** How much it holds, with its WAL and its tablespaces, wherever they lie; only while one is under way. */
  readonly copiedKib?: number | undefined;
  /** Nothing has come yet: no file, and no WAL. */
  readonly empty?: true;
  /** How much its file systems hold instead, of whomever; only where there was no time to walk the copy. */
  readonly usedKib?: number | undefined;
  /** How much of that is the log of a server that has been started on the copy. */
  readonly logKib?: number | undefined;
  /** What the process that replays calls itself, where a server has been started on the copy: it names the WAL segment. */
  readonly replays?: string | undefined;
  /** Bytes of the WAL file that a server fetches by its `restore_command`. */
  readonly fetchedBytes?: number | undefined;
}

// du follows no links, and counts what it is told twice once. A server that replays what it was copied with grows by
// nothing: pages are written over, and WAL goes. Of the servers of a host it is the one that works in this directory. Where
// its log lies it says itself (current_logfiles, which no copy has): a directory, or files in the data directory itself.
// What is fetched is looked at last: it is never more than what there is of the segment that was named before.
const LOOK = probeScript(`${FETCHED}
seconds=$1; data=$2; shift 2
for link in "$data/pg_wal" "$data"/pg_tblspc/*; do [ ! -L "$link" ] || set -- "$@" "$link/."; done
copied=$(timeout "$seconds" du -skc -- "$data" "$@" 2>/dev/null)
case $? in
124 | 137 | 143) echo; echo "@used $(df -kP -- "$data" "$@" 2>/dev/null | awk 'NR > 1 { used += $3 } END { print used }')" ;;
*) printf '%s\\n' "$copied" | tail -n 1 | cut -f 1 ;;
esac
log=$(sed -n '1s/^[a-z]* //p' "$data/current_logfiles" 2>/dev/null)
case $log in '' | /*) ;; *) log=$data/$log ;; esac
[ -z "$log" ] || [ "\${log%/*}" -ef "$data" ] || log=\${log%/*}
case $(readlink -f -- "\${log:-/}")/ in "$(readlink -f -- "$data")"/*) echo "@log $(du -sk -- "$log" | cut -f 1)" ;; esac
grep -slaz '^postgres: .*startup' /proc/[0-9]*/cmdline | while read -r file; do
  [ "\${file%/cmdline}/cwd" -ef "$data" ] || continue
  tr '\\0' ' ' < "$file" 2>/dev/null && echo
done
[ -n "$(find "$data/" "$data/pg_wal/" -mindepth 1 -maxdepth 1 ! -name pg_wal -print -quit 2>/dev/null)" ] || echo @empty
echo "@fetched $(fetched "$data")"
exit 0`);

const LOOK_AT_FETCH = probeScript(`${FETCHED}
echo "@fetched $(fetched "$1")"`);

/** So long a copy may be walked, in seconds: one of very many files takes longer, and is looked at otherwise then. */
const WALK_SECONDS = 40;

/** `places`: where tablespaces are copied to. The whole copy is walked; without them none is under way, and nothing is. */
export function copyProbe(
  { pgdata, user }: SessionTarget,
  places: readonly string[] | undefined,
  walkSeconds = WALK_SECONDS,
): Probe {
  if (places === undefined) return LOOK_AT_FETCH([pgdata], { user, timeoutMs: 60_000 });
  return LOOK([String(walkSeconds), pgdata, ...places], { user, timeoutMs: 60_000 });
}

export function parseCopyLook({ exitCode, stdout }: RunResult): CopyLook {
  if (exitCode !== 0) return {};
  const lines = stdout.split('\n').map((line) => line.trim());
  const told = (mark: string): string | undefined =>
    lines.find((line) => line.startsWith(mark))?.slice(mark.length);
  const [copied = '', replays = ''] = lines.filter((line) => !line.startsWith('@'));
  const log = told('@log');
  const used = told('@used') ?? '';
  const fetched = Number(told('@fetched') ?? 0);
  return {
    ...(copied === '' ? {} : { copiedKib: Number(copied) }),
    ...(told('@empty') === undefined ? {} : { empty: true as const }),
    ...(used.trim() === '' ? {} : { usedKib: Number(used) }),
    ...(log === undefined ? {} : { logKib: Number(log) }),
    ...(replays === '' ? {} : { replays }),
    ...(fetched === 0 ? {} : { fetchedBytes: fetched }),
  };
}

/**
 * Says so where a copy of which nothing has come may wait for the leader: for a checkpoint, which is spread over minutes
 * unless it is asked for as a fast one, or for a sender, where copies of others use all of them (max_wal_senders). In both
 * cases the leader has a sender that is at a base backup. One that fails for another reason is found out when that has ended.
 */
export function waitsForLeader(
  { own, leaderNode }: Pick<StreamingFacts, 'own' | 'leaderNode'>,
  copy: CopyLook | undefined,
): string | undefined {
  if (own === undefined || isUp(own.state) || copy?.empty !== true) return undefined;
  const backups = leaderNode?.replication.filter(({ state }) => state === 'backup') ?? [];
  if (backups.length === 0) return undefined;
  const names = backups.map(({ application }) => application).join(', ');
  return `nothing of its copy has come, and its leader is at a base backup (${names})`;
}

const PLACES = probeScript(
  `for link in "$1"/pg_tblspc/*; do [ ! -L "$link" ] || readlink -- "$link" || exit; done`,
);

/**
 * Where the leader has its tablespaces: a copy of it fills the same places, and has no links to them before it comes to its
 * end. None where that cannot be told.
 */
export async function tablespacePlaces(
  host: ReadHost,
  { user }: SessionTarget,
  leader: Member,
  systemId: string | undefined,
): Promise<readonly string[]> {
  try {
    const peer = host.peer(leader.name);
    const there = await findLeaderInstance(peer, leader, user, systemId);
    if (there === undefined) return [];
    return await linkedPlaces(peer, { pgdata: there.pgdata, user });
  } catch (thrown) {
    // What a copy grows by is then seen where it can be; whether the leader's data has come is proved in other ways.
    if (!(thrown instanceof PitrError)) throw thrown;
    return [];
  }
}

/** Where the tablespaces of a data directory are, by its links; none where it cannot be looked into. */
export async function linkedPlaces(
  host: ReadHost,
  { pgdata, user }: Pick<SessionTarget, 'pgdata' | 'user'>,
): Promise<readonly string[]> {
  const told = await host.query(PLACES([pgdata], { user }));
  return told.stdout.split('\n').filter((place) => place.startsWith('/'));
}
