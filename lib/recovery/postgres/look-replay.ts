import { PitrError } from '../../base/errors/pitr-error.ts';
import { cut } from '../../base/values/cut.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { isBrokenOff, lookBrokenOff } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import { parseLsn } from '../wal/lsn.ts';
import type { ReplayLook, ReplaySession } from './replay-watch.ts';
import { readOnlySession, type SessionTarget } from './sql.ts';
import { postgresAbilities } from './version.ts';

const CHUNK = 1024 * 1024;

/** `fetched PGDATA`: bytes of the WAL file that a `restore_command` fetches at this moment. */
export const FETCHED = `fetched() {
  bytes=0
  for file in "$1"/pg_wal/RECOVERYXLOG*; do
    size=$(stat -c %s -- "$file" 2>/dev/null) && bytes=$((bytes + size))
  done
  echo "$bytes"
}`;

const LOOK = probeScript(`${FETCHED}
d=$1; log=$2; offset=$3
pid=; { read -r pid < "$d/postmaster.pid"; } 2>/dev/null
name=; [ -n "$pid" ] && name=$(cat "/proc/$pid/comm" 2>/dev/null)
echo "@alive $name"
echo "@startup $([ -n "$pid" ] && pgrep -P "$pid" -a 2>/dev/null | sed -n 's/^.*: startup //p' | head -n 1)"
echo "@fetched $(fetched "$d")"
size=$(stat -c %s -- "$log" 2>/dev/null || echo 0)
length=$((size - offset)); [ "$length" -gt ${CHUNK} ] && length=${CHUNK}
[ "$length" -lt 0 ] && length=0
echo "@log $length"
[ "$length" -gt 0 ] && tail -c "+$((offset + 1))" -- "$log" | head -c "$length"
exit 0`);

function sessionSql(version: number | undefined): string {
  const paused =
    version !== undefined && postgresAbilities(version).pauseState
      ? "pg_get_wal_replay_pause_state() = 'paused'"
      : 'pg_is_wal_replay_paused()';
  return `select json_build_object(
    'in_recovery', recovering,
    'paused', case when recovering then ${paused} else false end,
    'lsn', case when recovering then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
    'last_commit', to_char(pg_last_xact_replay_timestamp() at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') || '+00'
  ) from (select pg_is_in_recovery() as recovering) as now`;
}

export interface ReplayPlace {
  readonly session: SessionTarget;
  /** Absent where there is no data: then no session is let in either. */
  readonly version?: number | undefined;
  readonly log: string;
}

export interface LogProgress {
  /** How much of the log this look has read. */
  readonly logBytes: number;
  /** There is more to be read at once. */
  readonly moreLog: boolean;
}

/** One look at a replaying instance, in one round trip. `offset`: how much of the log has been read before. */
export async function lookAtReplay(
  host: ReadHost,
  place: ReplayPlace,
  offset: number,
): Promise<ReplayLook & LogProgress> {
  const [seen, asked] = await host.queryAll([
    LOOK([place.session.pgdata, place.log, String(offset)], {
      user: place.session.user,
      timeoutMs: 30_000,
    }),
    readOnlySession(place.session, [sessionSql(place.version)]),
  ]);
  if (seen?.exitCode !== 0 || asked === undefined) throw unseen(host.name, seen);
  return parseLook(seen.stdout, asked);
}

/** Reads the answers of the two probes above. */
export function parseLook(
  seen: string,
  asked: Pick<RunResult, 'exitCode' | 'stdout'>,
): ReplayLook & LogProgress {
  const head = /^@alive (.*)\n@startup (.*)\n@fetched (\d+)\n@log (\d+)\n/.exec(seen);
  if (head === null) throw new Error(`cannot read the look at a replay: ${cut(JSON.stringify(seen), 200)}`);
  const startup = (head[2] ?? '').trim();
  return {
    alive: head[1] === 'postgres' || head[1] === 'postmaster',
    ...(startup === '' ? {} : { startup }),
    fetchedBytes: Number(head[3]),
    log: seen.slice(head[0].length),
    logBytes: Number(head[4]),
    moreLog: Number(head[4]) === CHUNK,
    ...(asked.exitCode === 0 ? { session: parseSession(asked.stdout) } : {}),
  };
}

function parseSession(stdout: string): ReplaySession {
  const told = JSON.parse(stdout) as {
    readonly in_recovery: boolean;
    readonly paused: boolean;
    readonly lsn: string | null;
    readonly last_commit: string | null;
  };
  const lsn = told.lsn === null ? undefined : parseLsn(told.lsn);
  return {
    inRecovery: told.in_recovery,
    paused: told.paused,
    ...(lsn === undefined ? {} : { lsn }),
    ...(told.last_commit === null ? {} : { lastCommit: told.last_commit }),
  };
}

function unseen(host: string, result: RunResult | undefined): PitrError {
  if (result !== undefined && isBrokenOff(result))
    return lookBrokenOff(result, host, 'the replaying instance');
  return new PitrError({
    kind: 'failed',
    code: 'replay-unseen',
    message: 'cannot look at the replaying instance',
    host,
    ...(result === undefined ? {} : { evidence: evidenceOf(result) }),
  });
}
