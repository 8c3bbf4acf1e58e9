import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { type Probe, probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import { sqlFailure } from './sql-failure.ts';

/** Where a session is opened. Port and socket directory come from the running instance unless they are given. */
export interface SessionTarget {
  readonly pgdata: string;
  readonly bin: string;
  /** Operating system user; also the database role unless that is given. */
  readonly user: string;
  readonly role?: string | undefined;
  readonly database?: string | undefined;
  readonly socketDirectory?: string | undefined;
  readonly port?: number | undefined;
}

export interface SessionLimits {
  readonly statementMs: number;
  /** Transactions that a paused recovery has replayed but not committed hold their locks. */
  readonly lockMs: number;
}

export const DEFAULT_LIMITS: SessionLimits = { statementMs: 5_000, lockMs: 3_000 };

/** What the modules of the postgres family are given (see `instanceParams` and `sessionParams`). */
export interface SessionParams {
  readonly pgdata: string;
  readonly bin?: string | undefined;
  readonly user: string;
  readonly role?: string | undefined;
  readonly socket_dir?: string | undefined;
  readonly port?: number | undefined;
}

/** Where to open a session. The programs are found by the version of the data where the params do not say. */
export function sessionTarget(
  params: SessionParams,
  programs: string | undefined,
  database?: string,
): SessionTarget {
  return {
    pgdata: params.pgdata,
    bin: programsOf(params, programs),
    user: params.user,
    role: params.role,
    database,
    socketDirectory: params.socket_dir,
    port: params.port,
  };
}

/** The directory of the PostgreSQL programs. Throws kind `failed` where neither params nor the host tell it. */
export function programsOf(params: Pick<SessionParams, 'bin' | 'pgdata'>, found: string | undefined): string {
  const programs = params.bin ?? found;
  if (programs !== undefined) return programs;
  throw new PitrError({
    kind: 'failed',
    code: 'programs-not-found',
    message: `no PostgreSQL programs were found for the data in ${params.pgdata}`,
    next: ['Set pg_bin in the inventory to the directory that holds pg_ctl and psql.'],
  });
}

// psql itself, not Debian's wrapper (180 ms a call), and by the socket that the postmaster's own file names: an
// isolated instance has it in a place of its own. As long as that file says that nobody is let in nobody knocks: each
// try would be a FATAL line in the log. The database goes by environment, where libpq takes it as a name
// and never as a connection string.
const SESSION = `
d=$1; bin=$2; PGUSER=$3; PGDATABASE=$4; PGHOST=$5; PGPORT=$6; PGOPTIONS=$7; shift 7
if [ -z "$PGHOST" ] || [ -z "$PGPORT" ]; then
  { read -r pid; read -r data; read -r start; read -r port; read -r socket; } 2>/dev/null < "$d/postmaster.pid" || {
    echo "PostgreSQL does not run on $d (its postmaster.pid is missing or not complete)" >&2; exit 2; }
  case $(sed -n '8{s/ *$//;p;}' "$d/postmaster.pid") in
  ready|standby) ;;
  *) echo "PostgreSQL on $d lets nobody in yet" >&2; exit 2 ;;
  esac
  PGHOST=\${PGHOST:-$socket}; PGPORT=\${PGPORT:-$port}
fi
export PGUSER PGDATABASE PGHOST PGPORT PGOPTIONS PGCONNECT_TIMEOUT=10 PGAPPNAME=pitr PGCLIENTENCODING=UTF8
exec "$bin/psql" -X -q -A -t -w -v ON_ERROR_STOP=1 -v VERBOSITY=verbose "$@"`;

const READ_SESSION = probeScript(SESSION);

function sessionArguments(
  target: SessionTarget,
  statements: readonly string[],
  settings: readonly string[],
): string[] {
  return [
    target.pgdata,
    target.bin,
    target.role ?? target.user,
    target.database ?? 'postgres',
    target.socketDirectory ?? '',
    target.port === undefined ? '' : String(target.port),
    settings.map((setting) => `-c ${setting}`).join(' '),
    ...statements.flatMap((sql) => ['-c', sql]),
  ];
}

/**
 * Whatever the cluster, the database or the role say: a standby refuses each query of a session that is serializable by
 * default. The backslash is for the server, which splits the options at spaces.
 */
export const READ_COMMITTED = 'default_transaction_isolation=read\\ committed';

/** A statement that writes ends by our own deadline, and no checkpoint by a limit that a cluster sets for its clients. */
const UNLIMITED = ['statement_timeout=0', 'lock_timeout=0'];

function limited(limits: SessionLimits): string[] {
  return [`statement_timeout=${limits.statementMs}`, `lock_timeout=${limits.lockMs}`];
}

/** Statements in a session that the server refuses to let write. */
export function readOnlySession(
  target: SessionTarget,
  statements: readonly string[],
  limits: SessionLimits = DEFAULT_LIMITS,
): Probe {
  const settings = ['default_transaction_read_only=on', READ_COMMITTED, ...limited(limits)];
  return READ_SESSION(sessionArguments(target, statements, settings), {
    user: target.user,
    timeoutMs: limits.statementMs * Math.max(1, statements.length) + 20_000,
  });
}

/** For waits: a host that is busy may not answer one question in time, and answer the next (`passing` of `until`). */
export const UNANSWERED: readonly string[] = ['query-failed', 'database-unreachable'];

/** What the statements print. Throws kind `failed` (`query-failed`, `database-unreachable`). */
export async function querySql(
  host: ReadHost,
  target: SessionTarget,
  statements: readonly string[],
  limits: SessionLimits = DEFAULT_LIMITS,
): Promise<string> {
  return output(await host.query(readOnlySession(target, statements, limits)), host.name, statements);
}

/** Those of the session script for `runSql`. */
export function writingArguments(target: SessionTarget, statements: readonly string[]): string[] {
  return sessionArguments(target, statements, [READ_COMMITTED, ...UNLIMITED]);
}

/** Statements that may write, each a transaction of its own. Throws like `querySql`. */
export async function runSql(
  host: WriteHost,
  target: SessionTarget,
  statements: readonly string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<string> {
  const argv = ['sh', '-c', SESSION, 'sh', ...writingArguments(target, statements)];
  const result = await host.run(argv, { user: target.user, timeoutMs, signal });
  return output(result, host.name, statements);
}

/** For a session that writes a secret: nothing of its statements comes into a log, and none waits for a standby. */
const UNLOGGED = [
  ...UNLIMITED,
  'log_statement=none',
  'log_duration=off',
  'log_min_duration_statement=-1',
  'log_min_error_statement=panic',
  'synchronous_commit=local',
  'default_transaction_read_only=off',
];

/** Of newer versions, or of extensions: set where they are known. */
const UNLOGGED_WHERE_KNOWN = `select count(set_config(known.name, wanted.value, false)) from pg_settings known
join (values ('log_min_duration_sample', '-1'), ('log_transaction_sample_rate', '0'), ('pgaudit.log', 'none'),
  ('pg_stat_statements.track_utility', 'off')) as wanted (name, value) using (name);`;

/**
 * Statements that hold a secret, in one transaction: they go by stdin, are in no log, and an error tells nothing of them.
 * Throws like `querySql`.
 */
export async function runSecretSql(
  host: WriteHost,
  target: SessionTarget,
  statements: readonly string[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<void> {
  const words = sessionArguments(target, [], UNLOGGED);
  const argv = ['sh', '-c', SESSION, 'sh', ...words, '-v', 'VERBOSITY=terse', '-1', '-f', '-'];
  const stdin = [UNLOGGED_WHERE_KNOWN, ...statements.map((statement) => `${statement};`), ''].join('\n');
  const result = await host.run(argv, { user: target.user, timeoutMs, signal, stdin });
  output(result, host.name, ['(statements that hold a secret)']);
}

function output(result: RunResult, host: string, statements: readonly string[]): string {
  if (result.exitCode === 0) return result.stdout.replace(/\n$/, '');
  const failure = sqlFailure(result.stderr);
  const unreachable = result.exitCode === 2 && failure.sqlState === undefined;
  throw new PitrError({
    kind: 'failed',
    code: unreachable ? 'database-unreachable' : 'query-failed',
    message: result.timedOut
      ? `no answer from PostgreSQL within ${Math.round(result.durationMs / 1000)} s`
      : failure.message,
    details: failure.explanation,
    host,
    evidence: { ...evidenceOf(result), command: `psql -c ${statements.join(' -c ')}` },
    next: failure.next,
  });
}
