import { describe, expect, it } from 'vitest';
import { parseArchiveListing } from '../../../lib/barman/archive-listing.ts';
import { isComplete, parseBackupInfo } from '../../../lib/barman/backup-info.ts';
import { positionOf } from '../../../lib/barman/recovery-wal.ts';
import { parseReport } from '../../../lib/barman/report.ts';
import { walRefused } from '../../../lib/barman/wal-refusals.ts';
import { type Archive, mergeArchives } from '../../../lib/wal/archive.ts';
import { solveWal } from '../../../lib/wal/solve.ts';
import { checkedTarget } from '../../../lib/wal/target.ts';
import { timelineId } from '../../../lib/wal/timeline.ts';
import { fixture } from './fixture.ts';

const backup = parseBackupInfo('db1', '20261122T155813', fixture('backup.info'));
const { archives } = parseArchiveListing(parseReport(fixture('archives-after-switchover.txt')));

/** What the operator reads. */
function words(text: string, some: readonly Archive[] = archives, timeline?: number): string {
  if (!isComplete(backup)) throw new Error('it is DONE');
  const target = checkedTarget(text);
  const merged = mergeArchives(some, backup.segmentSize);
  const refusal = solveWal(
    positionOf(backup),
    merged,
    target,
    timeline === undefined ? undefined : timelineId(timeline),
  );
  if (refusal.ok) return 'not refused';
  const servers = some.map(({ server }) => server);
  const error = walRefused(refusal, { backup, target, servers, host: 'barman' });
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
  it('a target before the end of the backup', () => {
    expect(words('2026-11-22 15:00:00Z')).toMatchInlineSnapshot();
  });

  it('a target after the last archived WAL', () => {
    expect(words('2026-11-22 17:00:00+00')).toMatchInlineSnapshot();
  });

  it('missing segments', () => {
    expect(
      words(
        'latest',
        without(['00000001000000000000000A', '00000001000000000000000B', '00000001000000000000000D']),
      ),
    ).toMatchInlineSnapshot();
  });

  it('the first segment missing: nothing can be reached', () => {
    expect(words('latest', without(['000000010000000000000008']))).toMatchInlineSnapshot();
  });

  it('a timeline that does not exist', () => {
    expect(words('latest', archives, 7)).toMatchInlineSnapshot();
  });

  it('a moment at which two timelines were alive', () => {
    const both = archives.map((archive) =>
      archive.server === 'db2'
        ? archive
        : {
            ...archive,
            files: archive.files.map((file) =>
              file.segment.endsWith('D') ? { ...file, time: archives[1]?.files[1]?.time ?? file.time } : file,
            ),
          },
    );
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
    expect(words('2026-11-22 16:01:00Z', branched)).toMatchInlineSnapshot();
  });
});
