import { describe, expect, it } from 'vitest';
import type { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { parseReport } from '../../../../lib/contract/script-report.ts';
import { parseArchiveListing } from '../../../../lib/recovery/barman/archive-listing.ts';
import { isComplete, parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { positionOf } from '../../../../lib/recovery/barman/recovery-wal.ts';
import { walRefused } from '../../../../lib/recovery/barman/wal-refusals.ts';
import { type Archive, mergeArchives } from '../../../../lib/recovery/wal/archive.ts';
import { reachedWords } from '../../../../lib/recovery/wal/plan-words.ts';
import { solveWal } from '../../../../lib/recovery/wal/solve.ts';
import { checkedTarget, type TargetParam } from '../../../../lib/recovery/wal/target.ts';
import { type TimelineId, timelineId } from '../../../../lib/recovery/wal/timeline.ts';
import { planUpToGap } from '../../../../lib/recovery/wal/up-to-gap.ts';
import { fixture } from './fixture.ts';

const backup = parseBackupInfo('db1', '20261122T155813', fixture('backup.info'));
const { archives } = parseArchiveListing(parseReport(fixture('archives-after-switchover.txt')));

/** The refusal; nothing where WAL says yes. */
function refused(
  param: TargetParam,
  some: readonly Archive[] = archives,
  timeline?: number,
  leader?: TimelineId,
): PitrError | undefined {
  if (!isComplete(backup)) throw new Error('it is DONE');
  const target = checkedTarget(param);
  const merged = mergeArchives(some, backup.segmentSize);
  const refusal = solveWal(positionOf(backup), merged, target, {
    timeline: timeline === undefined ? undefined : timelineId(timeline),
    leader,
  });
  if (refusal.ok) return undefined;
  const servers = some.map(({ server }) => server);
  return walRefused(refusal, { backup, target, servers, host: 'barman' });
}

/** What the operator reads. */
function words(
  text: string,
  some: readonly Archive[] = archives,
  timeline?: number,
  leader?: TimelineId,
): string {
  const error = refused(text, some, timeline, leader);
  if (error === undefined) return 'not refused';
  return [`${error.code}: ${error.message}`, ...error.details, ...error.next.map((line) => `> ${line}`)].join(
    '\n',
  );
}
const without = (segments: readonly string[]) =>
  archives.map((archive) => ({
    ...archive,
    files: archive.files.filter(({ segment }) => !segments.includes(segment)),
  }));

describe('what the operator reads when WAL says no', () => {
  it('the timeline of the leader, to which the backup does not lead', () => {
    expect(words('latest', archives, undefined, timelineId(7))).toMatchInlineSnapshot(`
      "leader-elsewhere: The leader is on timeline 7, to which backup 20261122T155813 does not lead
      The last commits are those of the leader: on any other timeline they would be left out.
      No archive knows 00000007.history, or that timeline left this history before the backup ended.
      Searched on disk in the archives of: db1, db2, db3, db4
      Reachable are:
      timeline 1: that of the backup, archived until 2026-11-22 16:00:51.924917+00
      timeline 2: left timeline 1 at 2026-11-22 16:00:53.100917+00 (a failover), archived until 2026-11-22 16:01:11.452917+00
      > Choose a backup that was taken on its timeline, or have one chosen: backup=auto
      > To recover to the end of timeline 1 instead: timeline=1
      > To recover to the end of timeline 2 instead: timeline=2"
    `);
  });

  it('a target before the end of the backup', () => {
    expect(words('2026-11-22 15:00:00Z')).toMatchInlineSnapshot(`
      "target-before-backup-end: Target time is before backup end time!
      Backup 20261122T155813 on server db1 ended at: 2026-11-22 15:58:17.456449+00
      Target time: 2026-11-22 15:00:00+00
      You can only recover to a time AFTER the backup completed.
      Valid recovery times:
        After: 2026-11-22 15:58:17.456449+00
        Until: 2026-11-22 16:01:11.452917+00 (the last archived WAL without a gap)
        Or use: latest (to recover to most recent state)
      > Choose a time within that range, or: target_time=latest"
    `);
  });

  it('a target after the last archived WAL', () => {
    expect(words('2026-11-22 17:00:00+00')).toMatchInlineSnapshot(`
      "target-after-last-archived: Target time is after the last archived WAL of timeline 2!
      Backup 20261122T155813 on server db1 ended at: 2026-11-22 15:58:17.456449+00
      Target time: 2026-11-22 17:00:00+00
      Searched on disk in the archives of: db1, db2, db3, db4
      Valid recovery times:
        After: 2026-11-22 15:58:17.456449+00
        Until: 2026-11-22 16:01:11.452917+00 (the last archived WAL without a gap)
        Or use: latest (to recover to most recent state)
      > Is the leader still alive? Archive what it has first: barman switch-wal --force --archive <its server>
      > Else choose a time within that range, or: target_time=latest"
    `);
  });

  it.each(['2026-11-22 09:00:00+00', '2026-11-22 17:00:00+00'])(
    'the way to take all that is archived can be typed after a moment that was to be left out: %s',
    (time) => {
      expect(refused({ time, inclusive: false })?.next.at(-1)).toMatch(
        /: target_time=latest -e inclusive=true$/,
      );
    },
  );

  it('missing segments', () => {
    expect(
      words(
        'latest',
        without(['00000001000000000000000A', '00000001000000000000000B', '00000001000000000000000D']),
      ),
    ).toMatchInlineSnapshot(`
      "wal-missing: WAL gaps detected! Recovery to the last archived WAL needs 3 segments that are missing: 00000001000000000000000A, …
      Missing WAL files: 00000001000000000000000A to 00000001000000000000000B (2 segments), 00000001000000000000000D
      Searched on disk in the archives of: db1, db2, db3, db4
      Valid recovery times:
        After: 2026-11-22 15:58:17.456449+00
        Until: 2026-11-22 15:58:22.648911+00 (the last archived WAL without a gap)
      > Without them recovery ends at 2026-11-22 15:58:22.648911+00; what was written later is lost. If you accept that: accept_gap=true
      > Does a database node still have it? Look there: find / -name 00000001000000000000000A"
    `);
  });

  it('the first segment missing: nothing can be reached', () => {
    expect(words('latest', without(['000000010000000000000008']))).toMatchInlineSnapshot(`
      "wal-missing: WAL gaps detected! Recovery to the last archived WAL needs a segment that is missing: 000000010000000000000008
      Missing WAL files: 000000010000000000000008
      Searched on disk in the archives of: db1, db2, db3, db4
      Valid recovery times: none, since WAL is missing that the backup itself needs.
      > This backup cannot be made consistent: use another one.
      > Does a database node still have it? Look there: find / -name 000000010000000000000008"
    `);
  });

  it('a timeline that does not exist', () => {
    expect(words('latest', archives, 7)).toMatchInlineSnapshot(`
      "timeline-unreachable: The timeline that was asked for cannot be reached from backup 20261122T155813
      It is not known to any archive, or it left this history before the backup ended.
      Searched on disk in the archives of: db1, db2, db3, db4
      Reachable are:
      timeline 1: that of the backup, archived until 2026-11-22 16:00:51.924917+00
      timeline 2: left timeline 1 at 2026-11-22 16:00:53.100917+00 (a failover), archived until 2026-11-22 16:01:11.452917+00
      > Leave the timeline out to have it found, or choose a backup that was taken on it."
    `);
  });

  it('a moment at which two timelines were alive', () => {
    const late = archives[1]?.files.find(({ segment }) => segment.startsWith('00000002'))?.time;
    const both = archives.map((archive) => ({
      ...archive,
      files: archive.files.map((file) => (file.partial ? { ...file, time: late ?? file.time } : file)),
    }));
    const branched = both.map((archive) => ({
      ...archive,
      histories: archive.histories.map((one) => ({
        ...one,
        history: {
          ...one.history,
          ancestors: one.history.ancestors.map((entry) => ({
            ...entry,
            reason: 'before 2026-11-22 16:00:00+00',
          })),
        },
      })),
    }));
    expect(words('2026-11-22 16:00:58Z', branched)).toMatchInlineSnapshot(`
      "timeline-ambiguous: More than one timeline could be meant by that target time
      Backup 20261122T155813 on server db1 ended at: 2026-11-22 15:58:17.456449+00
      Target time: 2026-11-22 16:00:58+00
      timeline 1: that of the backup, archived until 2026-11-22 16:00:59.220917+00
      timeline 2: left timeline 1 at 2026-11-22 16:00:53.100917+00 (a recovery to a moment), archived until 2026-11-22 16:01:11.452917+00
      > To recover to that moment of timeline 1: timeline=1
      > To recover to that moment of timeline 2: timeline=2"
    `);
    expect(refused('2026-11-22 16:00:58Z', branched)?.result).toMatchObject({ candidates: [1, 2] });
  });
});

it('where missing segments are accepted, the words are of the end before them, and not of all that is archived', () => {
  if (!isComplete(backup)) throw new Error('it is DONE');
  const merged = mergeArchives(without(['00000001000000000000000A']), backup.segmentSize);
  const refusal = solveWal(positionOf(backup), merged, checkedTarget('latest'), {});
  const plan = refusal.ok || refusal.why !== 'missing' ? undefined : planUpToGap(refusal, merged);
  if (plan === undefined) throw new Error('there is a way up to the gap');
  expect(reachedWords({ kind: 'latest' }, plan, ['00000001000000000000000A'])).toBe(
    'the end of the WAL before the gap (2026-11-22 15:58:22.648911+00)',
  );
  expect(reachedWords({ kind: 'latest' }, plan, undefined)).toBe('the end of what is archived');
});
