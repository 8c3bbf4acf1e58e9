import { formatLsn, type Lsn } from '../wal/lsn.ts';
import { type LogFacts, NOTHING_LOGGED, readLog } from './log.ts';

/** What one look at a replaying instance has seen. */
export interface ReplayLook {
  /** The postmaster lives. */
  readonly alive: boolean;
  /** Absent as long as PostgreSQL lets nobody in. */
  readonly session?: ReplaySession | undefined;
  /** What the startup process says in its title: `recovering 000000010000000000000003`. */
  readonly startup?: string | undefined;
  /** Bytes of the WAL file that is being fetched right now. */
  readonly fetchedBytes: number;
  /** What was added to the log. */
  readonly log: string;
}

/** What the instance says of itself. */
export interface ReplaySession {
  readonly inRecovery: boolean;
  readonly paused: boolean;
  readonly lsn?: Lsn | undefined;
  /** Commit time of the last replayed transaction, `2026-11-22 09:34:43.075605+00`. */
  readonly lastCommit?: string | undefined;
}

/** All looks so far. */
export interface ReplayWatch {
  readonly log: LogFacts;
  readonly last?: ReplaySession | undefined;
  readonly alive: boolean;
  readonly startup?: string | undefined;
  /** How many looks in a row have seen the same position. */
  readonly still: number;
  /** When something last moved: position, WAL delivered, bytes fetched. Milliseconds of the same clock as `now`. */
  readonly movedAt: number;
  /** Files that were delivered and words of the startup process: what is seen again is no progress. */
  readonly seen: ReadonlySet<string>;
  /** The most that was fetched of one file since the last new one. */
  readonly fetchedBytes: number;
  /** Positions of the last seconds, the oldest first. */
  readonly track: readonly { readonly at: number; readonly lsn: Lsn }[];
}

const TRACK_MS = 15_000;

export function startWatch(now: number): ReplayWatch {
  return {
    log: NOTHING_LOGGED,
    alive: true,
    still: 0,
    movedAt: now,
    seen: new Set(),
    fetchedBytes: 0,
    track: [],
  };
}

/**
 * Takes in one more look. Progress is what is replayed, or fetched for the first time: a fetch that fails begins again
 * every few seconds, over all timelines and for ever, and looks busy.
 */
export function observe(watch: ReplayWatch, look: ReplayLook, now: number): ReplayWatch {
  const log = readLog(watch.log, look.log);
  const last = look.session ?? watch.last;
  const lsn = look.session?.lsn;
  const sameLsn = lsn !== undefined && lsn === watch.last?.lsn;
  const fresh = [log.restored, look.startup].flatMap((words) =>
    words === undefined || watch.seen.has(words) ? [] : [words],
  );
  const moved = (lsn !== undefined && !sameLsn) || fresh.length > 0 || look.fetchedBytes > watch.fetchedBytes;
  const track = lsn === undefined ? watch.track : [...watch.track, { at: now, lsn }];
  return {
    log,
    last,
    alive: look.alive,
    startup: look.startup ?? watch.startup,
    still: sameLsn ? watch.still + 1 : 0,
    movedAt: moved ? now : watch.movedAt,
    seen: fresh.length === 0 ? watch.seen : new Set([...watch.seen, ...fresh]),
    fetchedBytes: fresh.length > 0 ? look.fetchedBytes : Math.max(watch.fetchedBytes, look.fetchedBytes),
    track: track.filter(({ at }) => now - at <= TRACK_MS),
  };
}

/** Bytes of WAL replayed in a second, over the last seconds; nothing before two positions are known. */
export function replayRate(watch: ReplayWatch): number | undefined {
  const [first] = watch.track;
  const last = watch.track.at(-1);
  if (first === undefined || last === undefined || last.at - first.at < 1_000) return undefined;
  return (Number(last.lsn - first.lsn) * 1000) / (last.at - first.at);
}

const MIB = 1024 * 1024;

/** `replayed to 0/5000000, last commit …, 12.3 MiB/s, about 3 min left` */
export function replayWords(watch: ReplayWatch, end: Lsn | undefined): string {
  const { last, log } = watch;
  const doubt = log.doubt === undefined ? [] : [`cannot fetch ${log.doubt.file}: ${log.doubt.words}`];
  if (last?.lsn === undefined) {
    return [log.restored === undefined ? 'starting' : `fetched ${log.restored}, not open yet`, ...doubt].join(
      ', ',
    );
  }
  const rate = replayRate(watch);
  const left =
    rate === undefined || rate <= 0 || end === undefined ? undefined : Number(end - last.lsn) / rate;
  return [
    `replayed to ${formatLsn(last.lsn)}`,
    ...(last.lastCommit === undefined ? [] : [`last commit ${last.lastCommit}`]),
    ...(rate === undefined ? [] : [`${(rate / MIB).toFixed(1)} MiB/s`]),
    ...(left === undefined || left <= 0 ? [] : [`about ${duration(left)} left`]),
    ...doubt,
  ].join(', ');
}

function duration(secondsLeft: number): string {
  if (secondsLeft < 90) return `${Math.ceil(secondsLeft)} s`;
  return secondsLeft < 5400 ? `${Math.ceil(secondsLeft / 60)} min` : `${(secondsLeft / 3600).toFixed(1)} h`;
}
