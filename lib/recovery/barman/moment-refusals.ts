import { didYouMean } from '../../base/errors/nearest.ts';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatInstant } from '../wal/instant.ts';
import { formatLsn } from '../wal/lsn.ts';
import type { Moment } from '../wal/moment/find.ts';
import type { CommitPoint, StopPoint } from '../wal/moment/scan.ts';
import type { DamagedWal } from '../wal/moment/scan-chain.ts';
import { type RecoveryTarget, targetWords } from '../wal/target.ts';
import { walVersionUnknown } from '../wal/version-refusal.ts';
import { includedAgain, silentWords } from './wal-refusals.ts';

/** What surrounds a refusal of a moment, for its words. */
export interface MomentFacts {
  readonly target: RecoveryTarget;
  readonly backupId: string;
  readonly timeline: number;
  /** The first segment that is missing behind what could be read. */
  readonly gap?: string | undefined;
  /** Nodes that did not tell what they have beside the archives. */
  readonly silent?: readonly string[] | undefined;
  readonly host: string;
}

/** `2026-11-22 09:34:43.1+00 (transaction 740, position 0/5000060)` */
export function commitWords({ time, xid, lsn }: CommitPoint): string {
  return `${formatInstant(time)} (transaction ${xid}, position ${formatLsn(lsn)})`;
}

/** Why no marker can be written that would stop the recovery there. */
export type NoMarker = 'not-asked' | 'not-wanted' | 'no-leader' | 'other-timeline' | 'in-future';

const WHY_NO_MARKER: Readonly<Record<NoMarker, string>> = {
  'not-asked':
    'This run knows of no leader whom it could ask for a commit that would end the recovery there: none was looked for, or no member has answered.',
  'not-wanted': 'A commit on the leader after that moment would end the recovery there: marker=true',
  'no-leader': 'The cluster has no leader that could write one more commit.',
  'other-timeline':
    'The leader of the cluster is on another timeline: what it writes cannot end this recovery.',
  'in-future': 'That moment has not come yet.',
};

/** Nothing that is archived would stop PostgreSQL at the target: it would wait for ever, or end in FATAL. */
export function afterLastCommit(moment: Moment, why: NoMarker, facts: MomentFacts): PitrError {
  const { target, timeline, host } = facts;
  const { lastCommit, last } = moment;
  const record = target.kind === 'lsn';
  return new PitrError({
    kind: 'refused',
    code: record ? 'target-after-last-record' : 'target-after-last-commit',
    message: record
      ? `the target lies after the last record that is archived: ${targetWords(target)}`
      : `no transaction that is archived ended after the target, so that nothing would stop the recovery there: ${targetWords(target)}`,
    details: [
      lastCommit === undefined
        ? 'There is no commit since the backup.'
        : `The last commit on timeline ${timeline} is of ${commitWords(lastCommit)}.`,
      ...(last === undefined ? [] : [`The last record begins at ${formatLsn(last.lsn)}.`]),
      WHY_NO_MARKER[why],
    ],
    host,
    next: [
      ...silentWords(facts.silent),
      ...(lastCommit === undefined
        ? []
        : [
            `To stop right after the last commit: target_lsn=${formatLsn(lastCommit.lsn)}${includedAgain(target)}`,
          ]),
      `To take all that is archived: target_time=latest${includedAgain(target)}`,
      ...(why === 'not-asked'
        ? [
            `To stop there all the same: where a leader lives on timeline ${timeline}, commit something on it, archive that (barman switch-wal --force --archive <its server>), and run this again.`,
          ]
        : []),
    ],
    result: {
      ...(lastCommit === undefined
        ? {}
        : { nearest: { time: formatInstant(lastCommit.time), lsn: formatLsn(lastCommit.lsn) } }),
    },
  });
}

/** A transaction or a restore point that is not in the archive. */
export function targetNotFound(moment: Moment, facts: MomentFacts): PitrError {
  const { target, backupId, timeline, host } = facts;
  const names = moment.restorePoints.map(({ name }) => name);
  const parent = moment.parentOfTarget;
  const what =
    target.kind === 'name'
      ? `no restore point is called "${target.name}"${didYouMean(target.name, names)}`
      : parent === undefined
        ? `the end of that transaction is not archived: ${target.kind === 'xid' ? target.xid : targetWords(target)}`
        : `that is a subtransaction, at which PostgreSQL does not stop: ${target.kind === 'xid' ? target.xid : ''}`;
  return new PitrError({
    kind: 'refused',
    // The archive has no such transaction or restore point on that timeline.
    code: 'target-not-found',
    message: what,
    details: [
      `Searched: all WAL from backup ${backupId} on, on timeline ${timeline}${moment.last === undefined ? '' : `, up to ${formatLsn(moment.last.endLsn)}`}.`,
      ...(facts.gap === undefined ? [] : [`Nothing behind that could be searched: ${facts.gap} is missing.`]),
      ...(target.kind === 'name'
        ? names.length === 0
          ? ['There is no restore point in it.']
          : [
              'Restore points in it:',
              ...moment.restorePoints
                .slice(-10)
                .map(({ name, time, lsn }) => `  ${name}  ${formatInstant(time)}  ${formatLsn(lsn)}`),
            ]
        : []),
      ...(moment.lastCommit === undefined
        ? []
        : [`The last commit in it is of ${commitWords(moment.lastCommit)}.`]),
    ],
    host,
    next: [
      ...(parent === undefined ? [] : [`Aim at the transaction that it belongs to: target_xid=${parent}`]),
      ...silentWords(facts.silent),
      'Is it older than the backup? Choose an older one (pitr backups). Is it on another timeline? Say which: timeline=...',
      'Has it only just happened? Archive what the leader has: barman switch-wal --force --archive <its server>',
    ],
  });
}

/** The stop lies before the place where the backup is consistent: PostgreSQL would end in FATAL. */
export function beforeConsistency(stop: StopPoint, consistentAt: string, facts: MomentFacts): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'target-before-backup-end',
    message: `the target lies before the end of backup ${facts.backupId}: ${targetWords(facts.target)}`,
    details: [
      `Recovery would stop at ${formatLsn(stop.lsn)}; the data of the backup is consistent from ${consistentAt} on.`,
      'You can only recover to a time AFTER the backup completed.',
    ],
    host: facts.host,
    next: ['Choose an older backup: pitr backups'],
  });
}

/** A file of the archive that is no WAL where it should be. */
export function walDamaged(damage: DamagedWal, servers: readonly string[], facts: MomentFacts): PitrError {
  if (damage.otherVersion) return walVersionUnknown(damage.segment, damage.why, facts.host);
  return new PitrError({
    kind: 'refused',
    code: 'wal-damaged',
    message: `WAL segment ${damage.segment} is damaged in the archive of ${servers.join(', ')}: ${damage.why}`,
    details: [
      `At position ${formatLsn(damage.at)}; nothing after it can be replayed.`,
      ...(damage.lastRecord === undefined
        ? []
        : [`The last good record begins at ${formatLsn(damage.lastRecord)}.`]),
    ],
    host: facts.host,
    next: [
      `Does another server or a database node have a good copy? Put it into the archive: find / -name ${damage.segment}`,
      ...(damage.lastRecord === undefined
        ? []
        : [
            `As far as can be reached without it: target_lsn=${formatLsn(damage.lastRecord)}${includedAgain(facts.target)}`,
          ]),
    ],
  });
}
