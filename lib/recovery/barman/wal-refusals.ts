import { PitrError } from '../../base/errors/pitr-error.ts';
import { namesOfRuns } from '../wal/chain.ts';
import { formatInstant } from '../wal/instant.ts';
import type { Line } from '../wal/lineage.ts';
import { formatLsn } from '../wal/lsn.ts';
import type { Reachable, WalRefusal } from '../wal/solve.ts';
import { type RecoveryTarget, targetWords } from '../wal/target.ts';
import { historyFileName } from '../wal/timeline.ts';
import type { CompleteBackup } from './backup-info.ts';

/** What surrounds a refusal, for its words. */
export interface RefusedRecovery {
  readonly backup: CompleteBackup;
  readonly target: RecoveryTarget;
  /** The servers whose archives were searched. */
  readonly servers: readonly string[];
  /** The newest backup from which this very target can be reached. */
  readonly alternative?: CompleteBackup | undefined;
  /** Nodes that did not tell what they have beside the archives. */
  readonly silent?: readonly string[] | undefined;
  readonly host: string;
}

/** Why WAL says no, in the words of the manual where it has some, with the valid range and the way out. */
export function walRefused(refusal: WalRefusal, facts: RefusedRecovery): PitrError {
  const words = wordsOf(refusal, facts);
  return new PitrError({
    kind: 'refused',
    code: words.code,
    message: words.message,
    details: words.details,
    host: facts.host,
    next: [...other(facts), ...words.next],
    result: resultOf(refusal),
  });
}

/** What `failed_when` and the command line see of it: plain data. */
function resultOf(refusal: WalRefusal): Readonly<Record<string, unknown>> {
  const { from, to } = refusal.reachable;
  return {
    reachable: { from: formatInstant(from), ...(to === undefined ? {} : { to: formatInstant(to) }) },
    ...(refusal.why === 'missing' ? { missing: namesOfRuns(refusal.missing) } : {}),
    ...(refusal.why === 'timeline-ambiguous'
      ? { candidates: refusal.candidates.map(({ timeline }) => timeline) }
      : {}),
  };
}

interface Words {
  readonly code: string;
  readonly message: string;
  readonly details: readonly string[];
  readonly next: readonly string[];
}

function wordsOf(refusal: WalRefusal, facts: RefusedRecovery): Words {
  const { backup, servers } = facts;
  switch (refusal.why) {
    case 'before-backup-end':
      return {
        code: 'target-before-backup-end',
        message:
          facts.target.kind === 'time'
            ? `Target time is ${isEnd(facts) ? 'the backup end time itself' : 'before backup end time'}!`
            : `The target lies before the end of the backup: ${targetWords(facts.target)}`,
        details: [
          ...endAndTarget(facts),
          'You can only recover to a time AFTER the backup completed.',
          ...validTimes(refusal.reachable),
          OR_LATEST,
        ],
        next: [`Choose a time within that range, or: target_time=latest${includedAgain(facts.target)}`],
      };
    case 'after-last-archived':
      return {
        code: 'target-after-last-archived',
        message: `${facts.target.kind === 'time' ? 'Target time' : 'The target'} is after the last archived WAL of timeline ${refusal.line.timeline}!`,
        details: [...endAndTarget(facts), searched(servers), ...validTimes(refusal.reachable), OR_LATEST],
        next: [
          'Is the leader still alive? Archive what it has first: barman switch-wal --force --archive <its server>',
          ...silentWords(facts.silent),
          `Else choose a time within that range, or: target_time=latest${includedAgain(facts.target)}`,
        ],
      };
    case 'nothing-archived':
      return {
        code: 'backup-without-wal',
        message: `None of the WAL that backup ${backup.id} needs is archived`,
        details: [searched(servers), `Needed first: ${backup.beginWal}`],
        next: [`See whether archiving works: barman check ${backup.server}`],
      };
    case 'missing':
      return missing(refusal, facts);
    case 'timeline-ambiguous':
      return {
        code: 'timeline-ambiguous',
        message: `More than one timeline could be meant by that target${facts.target.kind === 'time' ? ' time' : ''}`,
        details: [...endAndTarget(facts), ...refusal.candidates.map(lineWords)],
        next: refusal.candidates.map(
          (line) => `To recover to that moment of timeline ${line.timeline}: timeline=${line.timeline}`,
        ),
      };
    case 'timeline-unreachable':
      return {
        code: 'timeline-unreachable',
        message: `The timeline that was asked for cannot be reached from backup ${backup.id}`,
        details: [
          'It is not known to any archive, or it left this history before the backup ended.',
          searched(servers),
          'Reachable are:',
          ...refusal.candidates.map(lineWords),
        ],
        next: ['Leave the timeline out to have it found, or choose a backup that was taken on it.'],
      };
    case 'leader-elsewhere':
      return {
        code: 'leader-elsewhere',
        message: `The leader is on timeline ${refusal.leader}, to which backup ${backup.id} does not lead`,
        details: [
          'The last commits are those of the leader: on any other timeline they would be left out.',
          `No archive knows ${historyFileName(refusal.leader)}, or that timeline left this history before the backup ended.`,
          searched(servers),
          'Reachable are:',
          ...refusal.candidates.map(lineWords),
        ],
        next: [
          'Choose a backup that was taken on its timeline, or have one chosen: backup=auto',
          ...refusal.candidates.map(
            ({ timeline }) => `To recover to the end of timeline ${timeline} instead: timeline=${timeline}`,
          ),
        ],
      };
    case 'timeline-conflict':
      return {
        code: 'timeline-conflict',
        message: `The number ${refusal.timeline} stands for two different timelines`,
        details: [
          `The files ${historyFileName(refusal.timeline)} of these servers tell different histories: ${refusal.servers.join(', ')}`,
          'That happens when a cluster was rolled back and promoted again. Recovery could take WAL of either.',
        ],
        next: ['Name only the servers whose history is the right one (variable barman_servers).'],
      };
  }
}

function missing(refusal: Extract<WalRefusal, { why: 'missing' }>, facts: RefusedRecovery): Words {
  const names = namesOfRuns(refusal.missing);
  const count = refusal.missing.length;
  const [first] = refusal.missing;
  const target = facts.target.kind === 'latest' ? 'the last archived WAL' : targetWords(facts.target);
  const to = refusal.reachable.to;
  return {
    code: 'wal-missing',
    message: `WAL gaps detected! Recovery to ${target} needs ${count === 1 ? 'a segment that is' : `${count} segments that are`} missing: ${first?.segment}${count === 1 ? '' : ', …'}`,
    details: [
      `Missing WAL files: ${names.join(', ')}`,
      ...refusal.bad
        .slice(0, 8)
        .map(({ segment, server, size, broken }) =>
          size === undefined
            ? `${segment} was archived on ${server} once; its file is gone`
            : `${segment} on ${server} is damaged: ${broken ?? `it has ${size} bytes`}`,
        ),
      searched(facts.servers),
      ...validTimes(refusal.reachable),
    ],
    next: [
      ...(to === undefined
        ? ['This backup cannot be made consistent: use another one.']
        : [
            `Without ${count === 1 ? 'it' : 'them'} recovery ends at ${formatInstant(to)}; what was written later is lost. If you accept that: accept_gap=true`,
          ]),
      ...silentWords(facts.silent),
      `Does a database node still have it? Look there: find / -name ${first?.segment}`,
    ],
  };
}

/** Behind another target that is offered instead: what was said with this one holds for that, too, unless it is said anew. */
export function includedAgain(target: RecoveryTarget): string {
  return 'exclusive' in target && target.exclusive === true ? ' -e inclusive=true' : '';
}

/** Where more may be, as long as nobody could look. */
export function silentWords(silent: readonly string[] = []): readonly string[] {
  return silent.length === 0
    ? []
    : [
        `pg_wal of ${silent.join(', ')} could not be looked at and may hold more: make it reachable, then again.`,
      ];
}

function isEnd({ target, backup }: RefusedRecovery): boolean {
  return target.kind === 'time' && target.time === backup.endTime;
}

function endAndTarget({ backup, target }: RefusedRecovery): readonly string[] {
  return [
    `Backup ${backup.id} on server ${backup.server} ended at: ${formatInstant(backup.endTime)}${target.kind === 'time' ? '' : `, position ${formatLsn(backup.endLsn)}`}`,
    ...(target.kind === 'latest'
      ? []
      : [`Target${target.kind === 'time' ? ' time' : ''}: ${targetWords(target)}`]),
  ];
}

const OR_LATEST = '  Or use: latest (to recover to most recent state)';

function validTimes({ from, to }: Reachable): readonly string[] {
  if (to === undefined)
    return ['Valid recovery times: none, since WAL is missing that the backup itself needs.'];
  return [
    'Valid recovery times:',
    `  After: ${formatInstant(from)}`,
    `  Until: ${formatInstant(to)} (the last archived WAL without a gap)`,
  ];
}

function searched(servers: readonly string[]): string {
  return `Searched on disk in the archives of: ${servers.join(', ')}`;
}

function lineWords(line: Line): string {
  const until =
    line.until === undefined ? 'none of its WAL archived' : `archived until ${formatInstant(line.until)}`;
  const origin =
    line.origin === undefined
      ? 'that of the backup'
      : `left timeline ${line.origin.timeline} at ${formatInstant(line.from)} ${line.origin.onPurpose ? '(a recovery to a moment)' : '(a failover)'}`;
  return `timeline ${line.timeline}: ${origin}, ${until}`;
}

function other({ alternative }: RefusedRecovery): readonly string[] {
  if (alternative === undefined) return [];
  return [
    `Backup ${alternative.id} on server ${alternative.server} can be recovered to that target: backup=${alternative.id}`,
  ];
}
