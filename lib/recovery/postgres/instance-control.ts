import { PitrError } from '../../base/errors/pitr-error.ts';
import { rest, until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';
import { type InstanceState, isOrphaned } from './instance.ts';
import { postgresResource } from './instance-resource.ts';
import { type RunFiles, runFiles } from './isolation.ts';
import { type LogFacts, NOTHING_LOGGED, readLog } from './log.ts';

/** Which instance is meant, and with what it is controlled. Plain data: it goes into the journal. */
export interface InstanceRef {
  readonly pgdata: string;
  readonly bin: string;
  readonly user: string;
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
    ? await host.run(['sh', '-c', END_ORPHANS, 'sh', ...(before.processes ?? []).map(String)], options)
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
    late: (seen) => stillRuns(host.name, ref, mode, seen, stop),
  });
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

/** Makes the directory for socket, log and rules of an isolated instance, and keeps the log of the start before. */
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
if [ -e "$3" ]; then mv -f -- "$3" "$4"; fi`,
      'sh',
      files.directory,
      files.socketDirectory,
      files.log,
      files.previousLog,
    ],
    { user: ref.user, cwd: '/' },
  );
}

/** What the log of the last start by pitr says. */
export async function startLog(host: WriteHost, ref: InstanceRef): Promise<LogFacts> {
  const { log } = runFiles(ref.pgdata);
  const text = await host.run(['tail', '-c', '262144', '--', log], { user: ref.user, cwd: '/' });
  return readLog(NOTHING_LOGGED, text.exitCode === 0 ? `${text.stdout}\n` : '');
}

/**
 * Starts an instance and waits until it lets somebody in, or (isolated, in recovery) until replay is under way. No
 * clock ends a start whose log goes on. Throws kind `failed` (`postgres-did-not-start`) with the FATAL lines of the
 * log; nothing runs then.
 */
export async function startInstance(
  host: WriteHost,
  ref: InstanceRef,
  settings: readonly (readonly [name: string, value: string])[],
  silenceMs: number,
  context: Pick<WorkContext, 'signal' | 'progress'>,
): Promise<InstanceState> {
  const { signal } = context;
  const { log } = runFiles(ref.pgdata);
  const begun = performance.now();
  await until(() => postgresResource.read(host, ref.pgdata), {
    everyMs: 300,
    deadlineMs: ORPHANS_MS,
    signal,
    done: (seen) => !seen.running,
    late: (seen) => orphaned(host.name, ref, seen),
  });
  const options = settings.map(([name, value]) => `-c ${quote(`${name}=${value}`)}`).join(' ');
  const startIt = () =>
    host.run(
      [
        `${ref.bin}/pg_ctl`,
        '-D',
        ref.pgdata,
        '-l',
        log,
        '-w',
        '-s',
        '-t',
        String(PG_CTL_PATIENCE),
        ...(options === '' ? [] : ['-o', options]),
        'start',
      ],
      { user: ref.user, cwd: '/', timeoutMs: PG_CTL_PATIENCE * 1000 + GRACE_MS, signal, ownChannel: true },
    );
  let start = await startIt();
  let heard = { lines: '', at: performance.now() };
  for (;;) {
    const instance = await postgresResource.read(host, ref.pgdata);
    if (instance.status === 'ready' || instance.status === 'standby') return instance;
    const facts = await startLog(host, ref);
    if (!instance.running) {
      const inUse = /pre-existing shared memory block/.test(facts.fatal.at(-2) ?? '');
      if (!inUse || performance.now() - begun > ORPHANS_MS) throw didNotStart(host.name, ref, facts, start);
      await rest(1000, signal);
      start = await startIt();
      continue;
    }
    // An archive that does not answer is for the replay to tell, which knows what it waits for.
    if (facts.redoStarts !== undefined || facts.recovering) return instance;
    const lines = facts.tail.join('\n');
    const now = performance.now();
    if (lines !== heard.lines) heard = { lines, at: now };
    else if (now - heard.at >= silenceMs) throw silent(host.name, ref, facts, silenceMs);
    context.progress(facts.tail.at(-1) ?? 'no word in the log yet');
    await rest(300, signal);
  }
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

function didNotStart(host: string, ref: InstanceRef, facts: LogFacts, start: RunResult): PitrError {
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
    next: [`The whole log: ${runFiles(ref.pgdata).log} (with logging_collector also in log_directory).`],
  });
}

function silent(host: string, ref: InstanceRef, facts: LogFacts, silenceMs: number): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'postgres-start-stalled',
    message: `PostgreSQL has started on ${ref.pgdata}, but lets nobody in and has logged nothing for ${Math.round(silenceMs / 1000)} s`,
    details: facts.tail,
    host,
    state: `PostgreSQL runs on ${ref.pgdata} and is still starting.`,
    next: [`Watch ${runFiles(ref.pgdata).log}; run again to go on waiting.`],
  });
}
