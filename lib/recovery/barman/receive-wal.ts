import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import { ownUnit } from '../../system/service/own-unit.ts';
import type { RunResult } from '../../transport/types.ts';
import { parseLsn } from '../wal/lsn.ts';
import { parseSegmentSize, segmentHolding, type WalSegment } from '../wal/segment.ts';
import { timelineId } from '../wal/timeline.ts';

/** A refusal of the leader comes at once; who receives for so long is let in. */
const TRIAL_SECONDS = 5;
/** A busy host needs longer to come to that. */
const LONGEST_TRIAL_SECONDS = 80;
const GRACE_MS = 30_000;
/** What pg_receivewal says, in whatever language, when it asks for WAL: the position, and its timeline. */
const ASKS = /\b[0-9A-F]+\/[0-9A-F]+ \(.*\d\)/;

export interface Attempt {
  /** `running`: another process of this server holds its lock. */
  readonly outcome: 'receives' | 'running' | 'fails';
  readonly result: RunResult;
}

/** Receives WAL for a moment, as Barman's cron would, and tells how that went. */
export async function tryToReceive(
  host: WriteHost,
  server: string,
  user: string,
  signal: AbortSignal,
): Promise<Attempt> {
  for (let seconds = TRIAL_SECONDS; ; seconds *= 2) {
    const { result, askedMs } = await receiveFor(seconds, host, server, user, signal);
    if (/already running/.test(`${result.stdout}${result.stderr}`)) return { outcome: 'running', result };
    const TIMED_OUT = 124;
    if (result.exitCode !== TIMED_OUT) return { outcome: 'fails', result };
    // It may have been ended before the leader could say no.
    if (askedMs >= (TRIAL_SECONDS * 1000) / 2) return { outcome: 'receives', result };
    if (seconds >= LONGEST_TRIAL_SECONDS)
      return { outcome: ASKS.test(`${result.stdout}${result.stderr}`) ? 'receives' : 'fails', result };
  }
}

/** `askedMs`: how long ago the leader had been asked for WAL when it was ended; 0 where it was not seen to be. */
async function receiveFor(
  seconds: number,
  host: WriteHost,
  server: string,
  user: string,
  signal: AbortSignal,
): Promise<{ readonly result: RunResult; readonly askedMs: number }> {
  let said = '';
  let askedAt: number | undefined;
  const result = await host.run(
    // Barman's words are to come when it says them.
    ['env', 'PYTHONUNBUFFERED=1', 'timeout', '-s', 'INT', String(seconds), 'barman', 'receive-wal', server],
    {
      user,
      ownChannel: true,
      timeoutMs: seconds * 1000 + GRACE_MS,
      signal,
      onOutput: (_stream, chunk) => {
        said += Buffer.from(chunk).toString();
        if (ASKS.test(said)) askedAt ??= performance.now();
      },
    },
  );
  return { result, askedMs: askedAt === undefined ? 0 : performance.now() - askedAt };
}

/** The newest of the files that a server has received and still has there. */
export interface Received {
  readonly name: string;
  readonly timeline: number;
  readonly bytes: number;
}

/** As Barman looks for it; undefined where none does. */
export async function newestReceived(
  host: ReadHost,
  directory: string,
  user: string,
): Promise<Received | undefined> {
  const listed = await host.query(probe(['ls', '-1', '--', directory], { user }));
  const name = listed.stdout
    .split('\n')
    .filter((one) => /^[0-9A-F]{24}(\.partial)?(\.\w+)?$/.test(one))
    .toSorted()
    .at(-1);
  if (name === undefined) return undefined;
  const { stdout } = await host.query(probe(['stat', '-c', '%s', '--', `${directory}/${name}`], { user }));
  return { name, timeline: Number.parseInt(name.slice(0, 8), 16), bytes: Number(stdout) };
}

/**
 * Whether the leader has the segment at which a server stands no more. It names it in whatever language; pg_receivewal names it
 * too, as the unfinished file that it leaves.
 */
export function isLost(
  { name }: Received,
  { stdout, stderr }: Pick<RunResult, 'stdout' | 'stderr'>,
): boolean {
  return new RegExp(`\\b${name.slice(0, 24)}\\b(?!\\.)`).test(`${stdout}${stderr}`);
}

/**
 * The segment in which a timeline begins, by the last line of its history. What was received is as large as a segment, the
 * unfinished one too; undefined where it is packed.
 */
export function beginningOf(timeline: number, history: string, { bytes }: Received): WalSegment | undefined {
  const lsn = parseLsn(history.split(/\s+/)[1] ?? '');
  const size = parseSegmentSize(bytes);
  if (lsn === undefined || size === undefined) return undefined;
  return segmentHolding(timelineId(timeline), lsn, size);
}

// Barman removes the unfinished segment at which it stands: perhaps the one copy of the last commits of the timeline that
// was left. It passes over *.tmp, and archives an unfinished segment that another one follows. Where it begins then is told
// by the name of an empty one: it makes that of the segment which is written now, and what the timeline has before that
// would be in no archive. Of a segment of which nothing has come only zeros are there, and nothing is kept. A slot from which a
// segment was asked for that the leader has no more leads Barman there for ever: with $5 it is made anew.
const RESET = `
cd "$1" || exit
case $2 in *.partial) [ ! -s "$2" ] || cmp -s -n 8192 -- "$2" /dev/zero || ln -f -- "$2" "$2.tmp" 2>/dev/null || cp -p -- "$2" "$2.tmp" || exit ;; esac
if [ -n "$5" ] && barman receive-wal --drop-slot "$3"; then barman receive-wal --create-slot "$3" || exit; fi
barman receive-wal --reset "$3"
code=$?
if [ $code = 0 ] && [ -n "$4" ]; then
  for made in *.partial; do [ ! -e "$made" ] || [ -s "$made" ] || mv -- "$made" "$4.partial"; done
fi
if [ -e "$2.tmp" ]; then
  if [ -e "$2" ]; then rm -f -- "$2.tmp"; else mv -- "$2.tmp" "$2" && barman archive-wal "$3"; fi
fi
exit $code`;

/** Where a server is to receive from, and how far it has come. */
export interface Position {
  readonly server: string;
  /** Where it keeps what it receives. */
  readonly directory: string;
  readonly newest: Received;
  /** The segment to begin with; the one that the leader writes now where it is left out. */
  readonly from: WalSegment | undefined;
  /** The leader has not had the segment at which it stood: its slot is of no use either. */
  readonly gaveUp: boolean;
}

/** Lets a server receive from elsewhere; what it has of an unfinished segment is archived. */
export async function resetPosition(
  host: WriteHost,
  { server, directory, newest, from, gaveUp }: Position,
  user: string,
): Promise<RunResult> {
  const words = [directory, newest.name, server, from ?? '', gaveUp ? 'gave up' : ''];
  return host.run(['sh', '-c', RESET, 'sh', ...words], { user, ownChannel: true });
}

/**
 * Lets Barman's cron start what receives, as its own would within a minute: in a unit of its own where systemd runs, for it must
 * not end with this login. Gives how the cron has ended where that was not well.
 */
export async function startReceiving(host: WriteHost, user: string): Promise<RunResult | undefined> {
  const unit = await ownUnit(host, 'barman-cron', user, 'cron');
  const cron = ['barman', '-q', 'cron'];
  if (typeof unit !== 'object') return unlessWell(await host.run(cron, { user, ownChannel: true }));
  return unlessWell(await host.run([...unit.words, ...cron]));
}

function unlessWell(ended: RunResult): RunResult | undefined {
  return ended.exitCode === 0 ? undefined : ended;
}

export function receiveFails(
  server: string,
  host: string,
  runId: string,
  evidence: CommandEvidence,
): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'wal-not-received',
    message: `Barman server ${server} does not receive WAL by streaming`,
    host,
    evidence,
    next: [
      `See what it says: barman receive-wal ${server} (and Barman's log)`,
      `When the cause is gone, go on; where the position is not in the leader's history it is then reset: pitr resume ${runId}`,
    ],
  });
}
