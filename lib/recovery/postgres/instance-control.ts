import { PitrError } from '../../base/errors/pitr-error.ts';
import { lastSeen, rest, until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { BROKEN_OFF } from '../../contract/script-report.ts';
import { belongsToLogin, ownUnit } from '../../system/service/own-unit.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';
import { sinceStart } from './collected-log.ts';
import { type InstanceState, isOrphaned } from './instance.ts';
import { postgresResource } from './instance-resource.ts';
import { type RunFiles, runFiles } from './isolation.ts';
import { type LogFacts, NOTHING_LOGGED, readLog } from './log.ts';
import { startupWork } from './startup-work.ts';

/** Which instance is meant, and with what it is controlled. Plain data: it goes into the journal. */
export interface InstanceRef {
  readonly pgdata: string;
  readonly bin: string;
  readonly user: string;
  /** The service whose limits it gets where systemd runs; patroni without it. */
  readonly service?: string | undefined;
  /** Soft limit of open files where it gets no unit of systemd; the login's without it. */
  readonly openFiles?: string | undefined;
}

export type ShutdownMode = 'fast' | 'smart' | 'immediate';

/** How long `pg_ctl` itself waits before we look on, in seconds. */
const PG_CTL_PATIENCE = 5;
const GRACE_MS = 30_000;
/** What a killed postmaster leaves is at work until the file that it fetches has come. */
const ORPHANS_MS = 60_000;

/**
 * Without a postmaster nobody tells its children to end. SIGTERM rolls a backend's transaction back; SIGQUIT is for one
 * that is stuck, and what it had not written is in the WAL. SIGCONT, for one that somebody has stopped.
 */
const END_ORPHANS = `
left() { for pid do kill -0 "$pid" 2>/dev/null && return; done; return 1; }
kill -TERM "$@"; kill -CONT "$@"
n=0
while left "$@" && [ $n -lt 20 ]; do sleep 0.25; n=$((n + 1)); done
! left "$@" || kill -QUIT "$@"
exit 0`;

/**
 * Stops an instance and proves that no process of it is left; also what a killed postmaster has left behind. Does
 * nothing where none runs. Throws kind `failed` (`postgres-still-runs`) at the deadline, with what was last seen.
 */
export async function stopInstance(
  host: WriteHost,
  ref: InstanceRef,
  mode: ShutdownMode,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  const before = await postgresResource.read(host, ref.pgdata);
  if (!before.running) return;
  const seconds = String(Math.ceil(timeoutMs / 1000));
  const options = { user: ref.user, timeoutMs: timeoutMs + GRACE_MS, signal, ownChannel: true };
  const stop = isOrphaned(before)
    ? await endProcessesOf(host, ref.user, before.processes ?? [], signal)
    : await host.run([`${ref.bin}/pg_ctl`, '-D', ref.pgdata, '-m', mode, '-t', seconds, '-w', '-s', 'stop'], {
        ...options,
        cwd: '/',
      });
  await until(() => postgresResource.read(host, ref.pgdata), {
    everyMs: 200,
    // pg_ctl returns when postmaster.pid is gone; the last process follows at once.
    deadlineMs: stop.exitCode === 0 ? 10_000 : 0,
    signal,
    done: (seen) => !seen.running,
    passing: BROKEN_OFF,
    late: (seen) => stillRuns(host.name, ref, mode, seen, stop),
  });
}

/** Ends processes of a user that nobody else tells to end. */
export function endProcessesOf(
  host: WriteHost,
  user: string,
  pids: readonly number[],
  signal: AbortSignal,
): Promise<RunResult> {
  return host.run(['sh', '-c', END_ORPHANS, 'sh', ...pids.map(String)], { user, signal, ownChannel: true });
}

function stillRuns(
  host: string,
  ref: InstanceRef,
  mode: ShutdownMode,
  seen: InstanceState,
  stop: RunResult,
): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'postgres-still-runs',
    message: `PostgreSQL still runs on ${ref.pgdata} after a ${mode} shutdown`,
    details: [`processes: ${(seen.processes ?? []).join(', ')}`],
    host,
    evidence: evidenceOf(stop),
    next: ['Look at its log for what it waits for; smart waits for clients, fast does not.'],
  });
}

/**
 * Makes the directory for socket, log and rules of an isolated instance, keeps the log of the start before, and removes
 * the list of a collector's files, as a start does that comes so far: one from before would pass for this start's own. Data
 * that belongs to somebody else is for PostgreSQL to refuse, which says so.
 */
export async function prepareRunFiles(host: WriteHost, ref: InstanceRef, files: RunFiles): Promise<void> {
  await host.must(
    [
      'sh',
      '-c',
      `umask 077
for directory in "$1" "$2"; do
  mkdir -p -- "$directory" && [ -O "$directory" ] && chmod 0700 -- "$directory" ||
    { echo "$directory must belong to $(id -un), or be possible to make" >&2; exit 1; }
done
if [ -e "$3" ]; then mv -f -- "$3" "$4" || exit 1; fi
rm -f -- "$5/current_logfiles" || ! [ -O "$5" ]`,
      'sh',
      files.directory,
      files.socketDirectory,
      files.log,
      files.previousLog,
      ref.pgdata,
    ],
    { user: ref.user, cwd: '/' },
  );
}

// A cluster may log each statement: what recovery has said stands long before the end then. A collector names its files beside
// the data.
const LOG_OF_START = probeScript(`
size=$(stat -c %s -- "$2" 2>/dev/null) && [ "$size" -gt 262144 ] && head -c "$((size - 258048))" -- "$2" |
  grep -aE '^[^[]*\\[[0-9]+\\] LOG:  (entering standby|starting (archive|point-in-time)|redo starts|recovery stopping|pausing at the end|recovery has paused)'
tail -c 262144 -- "$2" 2>/dev/null
cd -- "$1" 2>/dev/null && [ -s current_logfiles ] || exit 0
read -r kind file < current_logfiles
printf '\\n@collected %s\\n' "$file"
tail -c 262144 -- "$file"
exit 0`);

/** What the log of a start says, and where it lies. */
export interface StartLog extends LogFacts {
  readonly files: readonly string[];
}

/** What the log of the last start by pitr says, also where a collector has taken it over. */
export async function startLog(host: WriteHost, ref: InstanceRef): Promise<StartLog> {
  const { log } = runFiles(ref.pgdata);
  const { stdout } = await host.query(LOG_OF_START([ref.pgdata, log], { user: ref.user }));
  const [own = '', collected] = stdout.split(/^@collected /m);
  const facts = readLog(NOTHING_LOGGED, `${own}\n`);
  if (collected === undefined) return { ...facts, files: [log] };
  const [file = '', ...lines] = collected.split('\n');
  return {
    ...readLog(facts, `${sinceStart(lines.join('\n')).join('\n')}\n`),
    files: [log, file.startsWith('/') ? file : `${ref.pgdata}/${file}`],
  };
}

/**
 * Starts an instance and waits until it lets somebody in, or (isolated, in recovery) until replay is under way. No
 * clock ends a start whose log goes on, or whose startup process works. Throws kind `failed` (`postgres-did-not-start`) with
 * the FATAL lines of the log; nothing runs then.
 */
export async function startInstance(
  host: WriteHost,
  ref: InstanceRef,
  settings: readonly (readonly [name: string, value: string])[],
  silenceMs: number,
  context: Pick<WorkContext, 'signal' | 'progress' | 'warn'>,
): Promise<InstanceState> {
  const { signal } = context;
  const begun = performance.now();
  await until(() => postgresResource.read(host, ref.pgdata), {
    everyMs: 300,
    deadlineMs: ORPHANS_MS,
    signal,
    done: (seen) => !seen.running,
    passing: BROKEN_OFF,
    late: (seen) => orphaned(host.name, ref, seen),
  });
  const startIt = await starter(host, ref, settings, context);
  let start = await startIt();
  let heard = { lines: 'nothing yet', work: '', at: performance.now() };
  for (;;) {
    const instance = await lastSeen(() => postgresResource.read(host, ref.pgdata), {
      ...{ everyMs: 300, deadlineMs: silenceMs, signal, passing: BROKEN_OFF },
      done: () => true,
    });
    if (isUp(instance, NOTHING_LOGGED)) return instance;
    const facts = await startLog(host, ref);
    if (!instance.running) {
      const inUse = /pre-existing shared memory block/.test(facts.fatal.at(-2) ?? '');
      if (!inUse || performance.now() - begun > ORPHANS_MS) throw didNotStart(host.name, ref, facts, start);
      await rest(1000, signal);
      start = await startIt();
      continue;
    }
    if (isUp(instance, facts)) return instance;
    const lines = facts.tail.join('\n');
    const now = performance.now();
    if (lines !== heard.lines || now - heard.at >= silenceMs) {
      const work = await startupWork(host, ref.user, instance);
      if (lines === heard.lines && (work === '' || work === heard.work))
        throw silent(host.name, ref, facts, silenceMs);
      heard = { lines, work, at: now };
    }
    context.progress(facts.tail.at(-1) ?? 'no word in the log yet');
    await rest(300, signal);
  }
}

/**
 * Whether a start is over: it lets somebody in, or replays an archive. One that does not answer is for the replay to tell,
 * which knows what it waits for. The redo after a crash is neither: nobody else waits for its end.
 */
export function isUp(
  { status, signal }: Pick<InstanceState, 'status' | 'signal'>,
  { redoStarts, recovering }: Pick<LogFacts, 'redoStarts' | 'recovering'>,
): boolean {
  if (status === 'ready' || status === 'standby') return true;
  return recovering || (redoStarts !== undefined && signal !== undefined);
}

/** What starts it: in a unit of its own where systemd runs, so that it outlives the login that asked for it. */
async function starter(
  host: WriteHost,
  ref: InstanceRef,
  settings: readonly (readonly [name: string, value: string])[],
  { signal, warn }: Pick<WorkContext, 'signal' | 'warn'>,
): Promise<() => Promise<RunResult>> {
  const options = settings.map(([name, value]) => `-c ${quote(`${name}=${value}`)}`).join(' ');
  const argv = [
    ...[`${ref.bin}/pg_ctl`, '-D', ref.pgdata, '-l', runFiles(ref.pgdata).log],
    ...['-w', '-s', '-t', String(PG_CTL_PATIENCE)],
    ...(options === '' ? [] : ['-o', options]),
    'start',
  ];
  const limits = { cwd: '/', timeoutMs: PG_CTL_PATIENCE * 1000 + GRACE_MS, signal, ownChannel: true };
  const unit = await ownUnit(host, 'postgresql', ref.user, ref.service ?? 'patroni');
  if (typeof unit === 'string') warn(belongsToLogin(unit, 'PostgreSQL'));
  return typeof unit === 'object'
    ? () => host.run([...unit.words, ...argv], limits)
    : () => host.run([...withOpenFiles(ref.openFiles), ...argv], { ...limits, user: ref.user });
}

function orphaned(host: string, ref: InstanceRef, seen: InstanceState): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'postgres-orphaned',
    message: `processes of a PostgreSQL whose postmaster is gone still work on ${ref.pgdata}`,
    details: [`processes: ${(seen.processes ?? []).join(', ')}`],
    host,
    next: ['Wait until they have ended, or end them (kill -QUIT), then resume.'],
  });
}

function didNotStart(host: string, ref: InstanceRef, facts: StartLog, start: RunResult): PitrError {
  const why = facts.fatal[0]?.replace(/^(FATAL|PANIC): /, '');
  return new PitrError({
    kind: 'failed',
    code: 'postgres-did-not-start',
    message: `PostgreSQL does not start on ${ref.pgdata}${why === undefined ? '' : `: ${why}`}`,
    details: [
      ...(facts.fatal.length > 0 ? facts.fatal.slice(-8) : facts.tail),
      ...(facts.doubt === undefined ? [] : [`Cannot fetch ${facts.doubt.file}: ${facts.doubt.words}`]),
    ],
    host,
    evidence: evidenceOf(start),
    state: `No PostgreSQL runs on ${ref.pgdata}.`,
    next: [`The whole log: ${facts.files.join(', and then ')}`],
  });
}

function silent(host: string, ref: InstanceRef, facts: StartLog, silenceMs: number): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'postgres-start-stalled',
    message: `PostgreSQL has started on ${ref.pgdata}, but lets nobody in and has logged nothing for ${Math.round(silenceMs / 1000)} s`,
    details: facts.tail,
    host,
    state: `PostgreSQL runs on ${ref.pgdata} and is still starting.`,
    next: [`Watch ${facts.files.at(-1)}; run again to go on waiting.`],
  });
}

/** A limit that the login may not have is left as it is: what differs then is seen by postgres.in_force. */
function withOpenFiles(limit: string | undefined): readonly string[] {
  if (limit === undefined) return [];
  return ['sh', '-c', 'ulimit -Sn "$1" 2>/dev/null; shift; exec "$@"', 'sh', limit];
}
