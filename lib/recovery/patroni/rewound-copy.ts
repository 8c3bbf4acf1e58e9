import type { ReadHost, WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { watchSize } from '../barman/watch-size.ts';
import { refuseAtWork } from '../postgres/at-work.ts';
import { AT_WORK } from '../postgres/at-work-script.ts';
import { quoteConf } from '../postgres/conf-file.ts';
import { patroniPython } from './config-file.ts';
import { CONNINFO } from './conninfo-python.ts';

/** Old data, as far as it decides whether a copy of it can be brought to the leader's history. */
export interface OldData {
  /** Why it cannot; absent where it can. */
  readonly why?: string | undefined;
  /** The file system that it lies on, as `stat -f` names it. */
  readonly fileSystem?: string | undefined;
  readonly bytes?: number | undefined;
  /** There, for PostgreSQL's user. */
  readonly freeBytes?: number | undefined;
  /** Names of the segments in its pg_wal. */
  readonly wal?: readonly string[] | undefined;
}

/** Millions of files on a slow disk. */
const LOOK_MS = 1_800_000;

// A server that was killed leaves data that pg_rewind would first bring to its end by itself. A link to another volume is
// the same link in a copy: what is rewound behind it would be the kept data.
const LOOK = probeScript(`
cd -- "$1" || exit 3
controldata=$2/pg_controldata
tell() { LC_ALL=C "$controldata" . | sed -n "s/^$1: *//p"; }
state=$(tell 'Database cluster state')
case $state:$3 in
"shut down:" | "shut down in recovery:" | ?*:live) ;;
:*) echo "@why $controldata cannot read its control file" ;;
*) echo "@why it was not shut down cleanly: $state" ;;
esac
[ "$(tell 'Data page checksum version')" != 0 ] ||
  echo "@why it has no checksums: wal_log_hints alone may have been switched on since the moment"
major=$("$2/pg_rewind" --version | sed -n 's/.*) \\([0-9]*\\).*/\\1/p')
[ "\${major:-0}" -ge 14 ] || echo "@why pg_rewind is of PostgreSQL \${major:-unknown}, and 14 or newer is needed"
[ ! -L pg_wal ] || echo "@why its pg_wal lies on another volume"
for link in pg_tblspc/*; do [ ! -L "$link" ] || { echo "@why it has tablespaces"; break; }; done
echo "@on $(stat -f -c %T .)"
echo "@bytes $(LC_ALL=C du -sb . | cut -f 1)"
free=$(stat -f -c '%a * %S' .) && echo "@free $(($free))"
for wal in pg_wal/????????????????????????; do echo "@wal \${wal#pg_wal/}"; done
echo @end`);

/**
 * Looks at the old data of a member that is stopped; or, `live`, at data that will be that. What cannot be told is a reason
 * why not.
 */
export async function lookAtOldData(
  host: ReadHost,
  { from, bin, user, live }: Pick<RewindOrder, 'from' | 'bin' | 'user'> & { readonly live: boolean },
): Promise<OldData> {
  const answer = await host.query(LOOK([from, bin, live ? 'live' : ''], { user, timeoutMs: LOOK_MS }));
  const lines = answer.stdout.split('\n').filter((line) => line !== '');
  if (lines.at(-1) !== '@end') return { why: `it cannot be looked into: ${answer.stderr.trim()}` };
  const value = (name: string): string | undefined =>
    lines.find((line) => line.startsWith(`@${name} `))?.slice(name.length + 2);
  const free = value('free');
  return {
    why: value('why'),
    fileSystem: value('on'),
    bytes: Number(value('bytes')) || undefined,
    freeBytes: free === undefined ? undefined : Number(free),
    wal: lines.flatMap((line) => (line.startsWith('@wal ') ? [line.slice('@wal '.length)] : [])),
  };
}

// With Patroni's own logins. The server that replays comes in as a standby: the last WAL that it needs is on the leader alone.
const ON_LEADER = `${CONNINFO}
import subprocess
what, copy, bin, host, port = sys.argv[2:7]
authentication = part("postgresql").get("authentication") or {}
way = {"host": host, "port": port, "application_name": "pitr-rewind"}
if what == "replay":
    source, environment = conninfo(authentication.get("replication"), way)
    program = [bin + "/postgres", "-D", copy, "-c", "primary_conninfo=" + source] + sys.argv[7:]
    os.execve(program[0], program, environment)
source, environment = conninfo(authentication.get("rewind") or authentication.get("superuser"), dict(way, dbname="postgres"))
if what == "tablespaces":
    ask = "select count(*) from pg_catalog.pg_tablespace where oid not in (1663, 1664)"
    sys.exit(subprocess.call([bin + "/psql", "-XAt", "-d", source, "-c", ask], env=environment))
program = [bin + "/pg_rewind", "--target-pgdata=" + copy, "--source-server=" + source]
sys.exit(subprocess.call(program + ["--restore-target-wal", "--no-ensure-shutdown"], env=environment))
`;

// Rewound data is consistent only once it has been replayed up to where the leader was, and Patroni knows nothing of the
// archive: so it is started once as a standby that nobody reaches, and shut down as one. Its control file then says so.
// WAL from before the histories parted is in the archive, mostly: pg_rewind takes restore_command from the copy. Settings
// of the leader that have come along (postgresql.auto.conf) must not count, so that those that matter are on the command line.
const RUN = `${patroniPython(ON_LEADER)}
${AT_WORK}
from=$1; copy=$2; pgdata=$3; bin=$4; config=$5; host=$6; port=$7; how=$8; tries=$9; conf=\${10}; restore=\${11}; run=$copy.run
on_leader() { what=$1; shift; patroni_python "$config" "$what" "$copy" "$bin" "$host" "$port" "$@"; }
tell() { LC_ALL=C "$bin/pg_controldata" "$copy" | sed -n "s/^$1: *//p"; }
server() { head -n 1 "$copy/postmaster.pid" 2>/dev/null; }
give_up() {
  printf '%s\\n' "$*" >&2
  tail -n 20 "$run/log" >&2 2>/dev/null
  if [ -n "$replays" ]; then pid=$(server); [ -z "$pid" ] || kill -s QUIT "$pid"; wait "$replays"; fi
  rm -rf -- "$copy" "$run"
  exit 1
}
# What was fetched of the history that is given up: PostgreSQL would keep it until its own WAL has come that far.
let_go() {
  size=$(tell 'Bytes per WAL segment')
  [ $# -eq 3 ] && [ "\${size:-0}" -gt 0 ] && [ "\${old_timeline:-0}" -gt 0 ] || return
  parted=$((((0x$1 << 32) + 0x$2) / size))
  for file in "$copy"/pg_wal/????????????????????????; do
    name=\${file##*/}
    case $name in *[!0-9A-F]*) continue ;; esac
    timeline=$((0x\${name%????????????????})) place=\${name#????????}
    [ $timeline -eq "$3" ] || [ $timeline -eq "$old_timeline" ] || continue
    [ $((0x\${place%????????} * (0x100000000 / size) + 0x\${place#????????})) -le $parted ] || rm -f -- "$file"
  done
}
replays=
{ [ ! -e "$pgdata" ] && [ ! -L "$pgdata" ]; } || { echo "$pgdata is there already" >&2; exit 1; }
[ ! -e "$copy" ] || postgres_at_work "$copy" below || exit
rm -rf -- "$copy" "$run" && mkdir -m 0700 -- "$run" && : > "$run/log" || exit 1
if cp --reflink=always -- "$from/PG_VERSION" "$run/probe" 2>/dev/null; then way=always
elif [ "$how" = any ]; then way=auto
else give_up "the file system cannot copy on write"
fi
case $(on_leader tablespaces 2>"$run/log") in
0) ;;
"") give_up "the leader could not be asked for its tablespaces" ;;
*) give_up "the leader has tablespaces" ;;
esac
cp -a --reflink=$way -- "$from" "$copy" || give_up "the old data could not be copied"
echo "@cloned $way"
[ -e "$copy/postgresql.conf" ] || : > "$copy/postgresql.conf"
printf '%s\\n' "$conf" >> "$copy/postgresql.auto.conf" || give_up "no space?"
old_timeline=$(tell "Latest checkpoint's TimeLineID")
on_leader rewind > "$run/log" 2>&1 || give_up "pg_rewind has failed"
grep -q '^pg_rewind: servers diverged ' "$run/log" || give_up "pg_rewind has found nothing to do: what is wrong with it lies elsewhere"
sed -n 's/^pg_rewind: \\(servers diverged .*\\)/@rewound \\1/p' "$run/log"
let_go $(sed -n 's|^pg_rewind: servers diverged at WAL location \\([0-9A-F]*\\)/\\([0-9A-F]*\\) on timeline \\([0-9]*\\).*|\\1 \\2 \\3|p' "$run/log")
[ "$(tell 'Data page checksum version')" != 0 ] || give_up "the leader has no checksums"
: > "$run/conf" && : > "$copy/standby.signal" && echo "local all all reject" > "$run/hba" && : > "$run/log" || give_up "no space?"
rm -f -- "$copy/postmaster.pid"
set --
for setting in "config_file=$run/conf" "hba_file=$run/hba" "unix_socket_directories=$run" listen_addresses= \\
  archive_mode=off ssl=off logging_collector=off hot_standby=on primary_slot_name= recovery_min_apply_delay=0 \\
  archive_cleanup_command= recovery_end_command= "restore_command=$restore" \\
  "recovery_target_timeline=$(tell "Min recovery ending loc's timeline")" \\
  "max_connections=$(tell 'max_connections setting')" "max_worker_processes=$(tell 'max_worker_processes setting')" \\
  "max_wal_senders=$(tell 'max_wal_senders setting')" "max_prepared_transactions=$(tell 'max_prepared_xacts setting')" \\
  "max_locks_per_transaction=$(tell 'max_locks_per_xact setting')"
do set -- "$@" -c "$setting"; done
on_leader replay "$@" < /dev/null >> "$run/log" 2>&1 &
replays=$!
seen=; left=$tries
until [ "$(sed -n 8p "$copy/postmaster.pid" 2>/dev/null | tr -d ' ')" = ready ]; do
  kill -0 "$replays" 2>/dev/null || give_up "the copy could not be started, or has ended in its replay"
  # Another server of this host replays, too.
  pid=$(server)
  now=$([ -z "$pid" ] || grep -sl "^PPid:[[:space:]]*$pid$" /proc/[0-9]*/status | while read -r child; do
    grep -sazh '^postgres: .*startup' "\${child%/status}/cmdline" | tr '\\0' ' '
  done)
  [ "$now" = "$seen" ] || { seen=$now; left=$tries; }
  left=$((left - 1))
  [ $left -gt 0 ] || give_up "its replay stands still: $seen"
  sleep 0.5
done
"$bin/pg_ctl" -D "$copy" -w -s -t 600 -m fast stop || give_up "the copy could not be shut down"
wait "$replays"; replays=
[ "$(tell 'Database cluster state')" = "shut down in recovery" ] || give_up "the copy was not shut down as a standby"
rm -f -- "$copy/postmaster.opts"
mv -T -n -- "$copy" "$pgdata" && [ ! -e "$copy" ] || give_up "$pgdata is there by now"
rm -rf -- "$run"`;

export interface RewindOrder {
  /** Where the old data is kept. It stays as it is. */
  readonly from: string;
  readonly pgdata: string;
  readonly bin: string;
  readonly user: string;
  /** Patroni's configuration: it has the login. */
  readonly config: string;
  readonly leader: { readonly host: string; readonly port: number };
  /** `any`: all of it is copied where the file system cannot copy on write. */
  readonly clone: 'copy-on-write' | 'any';
  /** Seconds. */
  readonly stall: number;
  readonly restoreCommand: string;
}

/** `how`: in pg_rewind's own words. */
export type Rewound =
  | { readonly rewound: true; readonly how: string; readonly copyOnWrite: boolean }
  | { readonly rewound: false; readonly why: string };

/**
 * Makes a copy of old data, brings it to the leader's history with pg_rewind, replays it until it is consistent, and puts it
 * into a directory that is not there yet. What lies in that directory is whole, or nothing does; the old data is only read.
 * Where it cannot be done, nothing of it is left, and the answer says why. Throws kind `refused` where something works in
 * what an earlier try has left.
 */
export async function rewindCopy(
  host: WriteHost,
  order: RewindOrder,
  context: Pick<WorkContext, 'signal' | 'progress'>,
): Promise<Rewound> {
  const { from, pgdata, bin, user, config, leader, clone, stall, restoreCommand } = order;
  const copy = copyOf(pgdata);
  const watched = watchSize(host, copy, user, (_bytes, grown) =>
    context.progress(`a copy of the old data is rewound to ${leader.host}'s history: ${grown}`),
  );
  const words = [
    from,
    copy,
    pgdata,
    bin,
    config,
    leader.host,
    String(leader.port),
    clone,
    String(Math.ceil(stall * 2)),
    `restore_command = ${quoteConf(restoreCommand)}`,
    restoreCommand,
  ];
  const answer = await host
    .run(['sh', '-c', RUN, 'sh', ...words], {
      user,
      cwd: '/',
      signal: context.signal,
      ownChannel: true,
    })
    .finally(() => watched.stop());
  refuseAtWork(answer, copy, 'it is not removed under it');
  if (answer.exitCode !== 0) return { rewound: false, why: lastWords(answer.stderr) };
  return {
    rewound: true,
    how: /^@rewound (.*)$/m.exec(answer.stdout)?.[1] ?? 'rewound',
    copyOnWrite: /^@cloned always$/m.test(answer.stdout),
  };
}

/** Removes what a try that broke off has left beside the data directory. */
export async function removeCopy(host: WriteHost, pgdata: string, user: string): Promise<void> {
  const script = `${AT_WORK}
[ ! -e "$1" ] || postgres_at_work "$1" below || exit
rm -rf -- "$1" "$1.run"`;
  const removed = await host.run(['sh', '-c', script, 'sh', copyOf(pgdata)], { user, cwd: '/' });
  refuseAtWork(removed, copyOf(pgdata), 'it is not removed under it');
  if (removed.exitCode !== 0) throw commandFailed(removed, host.name);
}

/** Beside the data directory: what lies in the directory itself is whole. */
function copyOf(pgdata: string): string {
  return `${pgdata}.pitr-rewound`;
}

function lastWords(stderr: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return lines.length === 0
    ? 'it broke off without a word'
    : [...lines.slice(0, 1), ...lines.slice(1).slice(-3)].join('; ');
}
