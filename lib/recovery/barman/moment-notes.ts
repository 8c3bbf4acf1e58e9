import { formatInstant } from '../wal/instant.ts';
import { formatLsn } from '../wal/lsn.ts';
import { stopWords } from '../wal/moment/aim.ts';
import type { Moment } from '../wal/moment/find.ts';
import type { LeftBehind, RestorePoint } from '../wal/moment/scan.ts';
import { type RecoveryTarget, targetWords } from '../wal/target.ts';
import { commitWords } from './moment-refusals.ts';

/** Where recovery stops, and which commits lie before and after that. */
export function stopNotes(target: RecoveryTarget, moment: Moment, markerNeeded: boolean): readonly string[] {
  const { stop, lastCommit, nextCommit } = moment;
  const holds =
    lastCommit === undefined
      ? 'no commit since the backup is recovered'
      : `the last commit that is recovered is of ${commitWords(lastCommit)}`;
  if (markerNeeded) {
    return [
      `Nothing that is archived would stop the recovery at the target (${targetWords(target)}): the leader writes one more commit (a marker) and archives it, so that recovery stops there.`,
    ];
  }
  if (stop === undefined) return [`As archived now, ${holds}.`];
  const next =
    nextCommit === undefined || nextCommit.lsn === stop.lsn
      ? ''
      : `; the next one is of ${commitWords(nextCommit)}`;
  return [`Recovery stops ${stopWords(stop)}; ${holds}${next}.`];
}

/** What an operator should know of WAL behind the stop. */
export function behindWords(target: RecoveryTarget, moment: Moment): readonly string[] {
  const { damagedAfter, sameName = [] } = moment;
  return [
    ...backWords(target, moment),
    ...sameNameWords(sameName),
    ...(damagedAfter === undefined
      ? []
      : [
          `WAL behind the stop is damaged (${damagedAfter}): nothing of it is needed, and later moments cannot be reached by it.`,
        ]),
  ];
}

/** How many of them are told one by one. */
const SHOWN = 5;

/** What whoever gives a name twice has to know. */
export function sameNameWords(others: readonly RestorePoint[]): readonly string[] {
  const [next] = others;
  if (next === undefined) return [];
  const shown = others
    .slice(0, SHOWN)
    .map(({ time, lsn }) => `of ${formatInstant(time)} at position ${formatLsn(lsn)}`);
  const more = others.length > SHOWN ? `, and ${others.length - SHOWN} more` : '';
  return [
    `Behind it the WAL has restore points of the same name: ${shown.join(', ')}${more}. PostgreSQL stops at the first one.`,
    `To stop at another one aim at its position: target_lsn=${formatLsn(next.lsn)}`,
  ];
}

/** PostgreSQL compares each commit with the target, in the order of the WAL, and knows nothing of clocks. */
function backWords(target: RecoveryTarget, { stop, writtenBefore, leftBehind }: Moment): readonly string[] {
  const last = writtenBefore.at(-1);
  const inSegments =
    last?.written === undefined
      ? []
      : [
          `${writtenBefore.length} WAL segments after it were written before that time, the last one, ${last.segment}, at ${formatInstant(last.written)}. What was committed in them is not recovered.`,
        ];
  const near = leftBehind === undefined ? [] : [nearWords(leftBehind)];
  const [first, ...more] = [...inSegments, ...near];
  if (stop === undefined || first === undefined) return [];
  return [
    `Clocks went back before ${targetWords(target)} (a change of leader?): PostgreSQL stops at the first commit that is later, and ${[first, ...more].join(' Also, ')}`,
    'To go further aim at a transaction or a position: target_xid=..., target_lsn=...',
  ];
}

function nearWords({ count, last }: LeftBehind): string {
  const which = count === 1 ? 'a commit right after it is' : `${count} commits right after it are`;
  return `${which} of before that time, in the WAL that was read; the last one is of ${commitWords(last)}. Nothing of that is recovered.`;
}
