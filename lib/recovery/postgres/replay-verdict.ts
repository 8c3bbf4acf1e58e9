import { formatLsn, type Lsn } from '../wal/lsn.ts';
import {
  endOfSegment,
  parseSegment,
  type SegmentSize,
  segmentNumber,
  startOfSegment,
  timelineOf,
  type WalSegment,
} from '../wal/segment.ts';
import { type RecoveryTarget, targetWords } from '../wal/target.ts';
import type { ReplayWatch } from './replay-watch.ts';
import { isSnapshotPending, snapshotPending } from './snapshot-pending.ts';
import { stoppedByClock, wrongPlace, wrongStop } from './stop-proof.ts';
import { LOWER_SETTING } from './version.ts';

export interface ReplayWish {
  /** With any but `latest` the end of WAL is not what was asked for. */
  readonly target: RecoveryTarget;
  /** The last segment that is known to be archived: replay may not end before it. */
  readonly lastSegment?: WalSegment | undefined;
  readonly segmentSize: SegmentSize;
  readonly stallMs: number;
  /** The run that waits for it: the command that goes on names it. */
  readonly runId: string;
}

/** How far there is to replay, where that is known: to the target, or to the end of what is archived. */
export function endOfReplay({
  target: { stopsAt },
  lastSegment,
  segmentSize,
}: Pick<ReplayWish, 'target' | 'lastSegment' | 'segmentSize'>): Lsn | undefined {
  const archived = lastSegment === undefined ? undefined : endOfSegment(lastSegment, segmentSize);
  return stopsAt !== undefined && (archived === undefined || stopsAt < archived) ? stopsAt : archived;
}

/** What the looks so far amount to. */
export type ReplayVerdict =
  | { readonly kind: 'going' }
  | { readonly kind: 'reached'; readonly what: 'target' | 'end-of-wal'; readonly promoted: boolean }
  | {
      readonly kind: 'failed';
      readonly code: ReplayFailure;
      readonly message: string;
      readonly details: readonly string[];
      readonly next: readonly string[];
    };

export type ReplayFailure =
  | 'target-not-reached'
  | 'stopped-elsewhere'
  | 'wal-missing'
  | 'wal-damaged'
  | 'wal-fetch-failed'
  | 'settings-too-low'
  | 'postgres-ended'
  | 'postgres-stopped'
  | 'replay-stalled'
  | 'snapshot-pending';

/** The start fetches a file up to three times; what comes more often, every few seconds, is of no use to PostgreSQL. */
const DELIVERIES_IN_VAIN = 4;

/** Looks that must agree before a position counts as the last one. */
const STILL_LOOKS = 2;

/**
 * Whether a replay has ended, and how. The end of WAL counts only when the archive has said twice that the next
 * segment is absent, proved, and the position has stayed where it is meanwhile (PostgreSQL reads ahead).
 */
export function judgeReplay(watch: ReplayWatch, wish: ReplayWish, now: number): ReplayVerdict {
  const { log, last } = watch;
  if (!watch.alive) return ended(watch, wish);
  if (log.pausedBySettings) return settingsTooLow(watch, wish);
  if (last !== undefined && !last.inRecovery) {
    return { kind: 'reached', what: log.stopping === undefined ? 'end-of-wal' : 'target', promoted: true };
  }
  if (last?.paused === true && log.pausedAtTarget) {
    const wrong = wrongStop(wish.target, log.stopping, last);
    return wrong === undefined
      ? { kind: 'reached', what: 'target', promoted: false }
      : elsewhere(watch, wish, wrong);
  }
  if (wish.target.kind === 'latest' && watch.still >= STILL_LOOKS && replayedAll(watch, wish)) {
    return { kind: 'reached', what: 'end-of-wal', promoted: false };
  }
  const settled = log.absent !== undefined && log.absent.times >= 2 && log.doubt === undefined;
  if (log.absent !== undefined && settled && watch.still >= STILL_LOOKS) {
    const missing = missingBefore(log.absent.file, wish);
    if (missing !== undefined) return missing(watch);
    const wrong = wrongPlace(wish.target, watch.last ?? {});
    if (wrong !== undefined) return elsewhere(watch, wish, wrong);
    return { kind: 'reached', what: 'end-of-wal', promoted: false };
  }
  const inVain = deliveredInVain(watch, wish);
  if (watch.still >= STILL_LOOKS && inVain === 'damaged') return damaged(watch, wish);
  // A segment that was archived in part is delivered as a whole one each time, and the next one is never asked for.
  const atEnd = log.absent !== undefined || inVain === 'the end';
  if (now - watch.movedAt >= wish.stallMs)
    return isSnapshotPending(log, atEnd) ? snapshotPending(log, wish.runId) : stalled(watch, wish);
  return { kind: 'going' };
}

function elsewhere(watch: ReplayWatch, { target }: ReplayWish, wrong: string): ReplayVerdict {
  const clock = stoppedByClock(target, watch.log.stopping, watch.last ?? {});
  return {
    kind: 'failed',
    code: 'stopped-elsewhere',
    message: `recovery has stopped, and not at its target: ${wrong}`,
    details: [
      ...(clock
        ? [
            `PostgreSQL stopped ${watch.log.stopping}: the first that is later than ${targetWords(target)}. A clock went back behind it, so that the segment there has an earlier time.`,
          ]
        : []),
      ...whereItStands(watch),
    ],
    next: [
      ...(clock
        ? [
            'To go further take the recovery back (rollback.yml), and aim at a transaction or a position: target_xid=..., target_lsn=...',
          ]
        : []),
      'Nothing was promoted. Was a run broken off that moved the recovery on (forward.yml)? Go on with that one: pitr resume <run>, which pitr runs names.',
      'Else its settings in postgresql.auto.conf may have been changed: take the recovery back (rollback.yml) and recover again.',
    ],
  };
}

/** Replay stands behind the last segment that is known to be archived: nothing more has to be asked. */
function replayedAll(watch: ReplayWatch, wish: ReplayWish): boolean {
  const lsn = watch.last?.lsn;
  return (
    lsn !== undefined &&
    wish.lastSegment !== undefined &&
    lsn >= endOfSegment(wish.lastSegment, wish.segmentSize)
  );
}

/** The absent file lies before what is known to be archived: a hole, not the end. */
function missingBefore(file: string, wish: ReplayWish): ((watch: ReplayWatch) => ReplayVerdict) | undefined {
  const absent = parseSegment(file);
  const known = wish.lastSegment;
  if (absent === undefined || known === undefined) return undefined;
  const behind = segmentNumber(absent, wish.segmentSize) > segmentNumber(known, wish.segmentSize);
  if (behind) return undefined;
  return (watch) => ({
    kind: 'failed',
    code: 'wal-missing',
    message: `a WAL segment is missing: ${absent} is in no archive, though ${absent === known ? 'it' : known} was found there before`,
    details: [
      `Asked: ${watch.log.absent?.words ?? ''}`,
      ...whereItStands(watch),
      `Without it nothing after ${formatLsn(startOfSegment(absent, wish.segmentSize))} on timeline ${timelineOf(absent)} can be reached.`,
    ],
    next: [
      `Put ${absent} back into the archive: replay goes on by itself within seconds. Then go on: pitr resume ${wish.runId}`,
      'Or aim at a moment before it.',
    ],
  });
}

/** Why PostgreSQL finds no record in a file that the archive delivers over and over; nothing where that is not so. */
function deliveredInVain(
  { log, last }: ReplayWatch,
  { lastSegment, segmentSize }: ReplayWish,
): 'damaged' | 'the end' | undefined {
  if (log.unreadable === undefined || log.deliveries < DELIVERIES_IN_VAIN) return undefined;
  const segment = parseSegment(log.restored ?? '');
  if (segment === undefined || last?.paused === true) return undefined;
  if (lastSegment === undefined) return 'damaged';
  const behind = segmentNumber(segment, segmentSize) - segmentNumber(lastSegment, segmentSize);
  // In the last segment known, and behind it, nothing at all where a record had to begin is only the end.
  const nothing = log.unreadable.startsWith('invalid record length');
  return behind < 0 || (behind === 0 && !nothing) ? 'damaged' : 'the end';
}

function damaged(watch: ReplayWatch, { runId }: ReplayWish): ReplayVerdict {
  const { log } = watch;
  return {
    kind: 'failed',
    code: 'wal-damaged',
    message: `WAL segment ${log.restored} is damaged in the archive: ${log.unreadable}`,
    details: [
      ...whereItStands(watch),
      `The archive has delivered it ${log.deliveries} times; nothing after that place can be replayed.`,
    ],
    next: [
      `Does another server or a database node have a good copy? Put it into the archive: find / -name ${log.restored}. Replay then goes on by itself. Then go on: pitr resume ${runId}`,
      'Or aim at a moment before it.',
    ],
  };
}

/** What is known of a replay's position, in words. */
export function whereItStands(watch: ReplayWatch): readonly string[] {
  const { last, log } = watch;
  const lsn = last?.lsn ?? log.redoDone;
  const commit = last?.lastCommit ?? log.lastCommit;
  return [
    lsn === undefined ? 'Nothing has been replayed that could be seen.' : `Replayed to ${formatLsn(lsn)}.`,
    ...(commit === undefined ? [] : [`Last replayed commit: ${commit}.`]),
    ...(log.restored === undefined ? [] : [`Last WAL file fetched: ${log.restored}.`]),
  ];
}

function settingsTooLow(watch: ReplayWatch, { runId }: ReplayWish): ReplayVerdict {
  return {
    kind: 'failed',
    code: 'settings-too-low',
    message: 'replay has stopped: a setting is lower than it was on the primary that wrote the WAL',
    details: [
      ...whereItStands(watch),
      ...(watch.log.fatal.length > 0
        ? watch.log.fatal
        : watch.log.tail.filter((line) => /DETAIL|WARNING/.test(line))),
    ],
    next: [
      `Raise the setting named above at the end of the restored postgresql.auto.conf, then go on; PostgreSQL is started again: pitr resume ${runId}`,
    ],
  };
}

function ended(watch: ReplayWatch, wish: ReplayWish): ReplayVerdict {
  const { log } = watch;
  const { runId } = wish;
  const words = log.fatal.join('\n');
  const details = [...whereItStands(watch), ...(log.fatal.length > 0 ? log.fatal.slice(-8) : log.tail)];
  if (log.shutdown !== undefined) {
    return {
      kind: 'failed',
      code: 'postgres-stopped',
      message: `somebody has stopped PostgreSQL during replay (${log.shutdown} shutdown)`,
      details,
      next: [
        `Find out who did (an operator, a service manager, the end of a session), then go on; PostgreSQL is started again: pitr resume ${runId}`,
      ],
    };
  }
  if (/recovery ended before configured recovery target was reached/.test(words)) {
    return {
      kind: 'failed',
      code: 'target-not-reached',
      message: 'the WAL ended before the recovery target: PostgreSQL has stopped',
      details,
      next: [
        'Aim at a moment before the last commit named above, or at latest.',
        'With signal: standby PostgreSQL stays up at the end of WAL, readable, instead of stopping.',
      ],
    };
  }
  if (/could not restore file/.test(words)) {
    return {
      kind: 'failed',
      code: 'wal-fetch-failed',
      message:
        'WAL could not be fetched, and PostgreSQL has stopped: nothing is lost, it can go on from here',
      details: [...details, ...(log.doubt === undefined ? [] : [`${log.doubt.file}: ${log.doubt.words}`])],
      next: [
        `See to it that this node reaches Barman, then go on; PostgreSQL is started again: pitr resume ${runId}`,
      ],
    };
  }
  if (LOWER_SETTING.test(words)) return settingsTooLow(watch, wish);
  return {
    kind: 'failed',
    code: 'postgres-ended',
    message: `PostgreSQL has ended during replay${log.fatal.length > 0 ? '' : ' without saying why'}`,
    details,
    next: [`Mend what the log says, then go on; PostgreSQL is started again: pitr resume ${runId}`],
  };
}

function stalled(watch: ReplayWatch, wish: ReplayWish): ReplayVerdict {
  const { log } = watch;
  const next = log.restored === undefined ? undefined : parseSegment(log.restored);
  return {
    kind: 'failed',
    code: 'replay-stalled',
    message: `replay makes no progress: nothing was replayed or fetched for ${Math.round(wish.stallMs / 1000)} s`,
    details: [
      ...whereItStands(watch),
      ...(watch.startup === undefined ? [] : [`PostgreSQL says: startup ${watch.startup}`]),
      ...(log.doubt === undefined
        ? []
        : [`Cannot tell whether ${log.doubt.file} is archived: ${log.doubt.words}`]),
      ...(log.absent === undefined ? [] : [`In no archive: ${log.absent.file} (asked: ${log.absent.words})`]),
      ...(next === undefined
        ? []
        : [`The WAL fetched so far ends at ${formatLsn(endOfSegment(next, wish.segmentSize))}.`]),
      ...log.tail.slice(-4),
    ],
    next: [
      `The instance still runs: mend the cause (network, Barman) and it goes on by itself. Then go on: pitr resume ${wish.runId}`,
    ],
  };
}
