import { describe, expect, it } from 'vitest';
import { parseReport } from '../../../../lib/contract/script-report.ts';
import { parseArchiveListing } from '../../../../lib/recovery/barman/archive-listing.ts';
import { isComplete, parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { positionOf } from '../../../../lib/recovery/barman/recovery-wal.ts';
import { parseXlogDbLine } from '../../../../lib/recovery/barman/xlog-db.ts';
import { mergeArchives } from '../../../../lib/recovery/wal/archive.ts';
import { serversUsed, walSummary } from '../../../../lib/recovery/wal/plan-words.ts';
import { solveWal } from '../../../../lib/recovery/wal/solve.ts';
import { checkedTarget } from '../../../../lib/recovery/wal/target.ts';
import { fixture } from './fixture.ts';

const { archives } = parseArchiveListing(parseReport(fixture('archives-after-switchover.txt')));
const backup = parseBackupInfo('db1', '20261122T155813', fixture('backup.info'));

describe('the archives of a cluster that switched over from db1 to db2', () => {
  it('are read with all their parts', () => {
    expect(archives.map(({ server, files }) => [server, files.length])).toEqual([
      ['db1', 6],
      ['db2', 4],
      ['db3', 0],
      ['db4', 0],
    ]);
    expect(archives[1]?.histories).toMatchObject([
      { history: { timeline: 2, ancestors: [{ timeline: 1 }] } },
    ]);
  });

  it.each([
    ['2026-11-22 15:58:30Z', 1, '00000001000000000000000B', ['db1']],
    ['2026-11-22 16:00:51.8Z', 2, '00000002000000000000000E', ['db1', 'db2']],
    ['2026-11-22 16:00:52.5Z', 2, '00000002000000000000000E', ['db1', 'db2']],
    ['2026-11-22 16:01:05Z', 2, '00000002000000000000000F', ['db1', 'db2']],
    ['latest', 2, '00000002000000000000000F', ['db1', 'db2']],
  ])('a target of %s lies on timeline %i', (target, timeline, last, servers) => {
    if (!isComplete(backup)) throw new Error('it is DONE');
    const merged = mergeArchives(archives, backup.segmentSize);
    const plan = solveWal(positionOf(backup), merged, checkedTarget(target));
    if (!plan.ok) throw new Error(plan.why);
    expect(plan.line.timeline).toBe(timeline);
    expect(plan.needed.at(-1)?.segment).toBe(last);
    expect(serversUsed(plan, merged, 'db1')).toEqual(servers);
    expect(walSummary(plan, backup.segmentSize)).toContain(`on timeline ${timeline}, all on disk`);
  });
});

describe('an answer of a look at archives', () => {
  it('tells what could not be read, and what is registered and gone', () => {
    const { archives: found, troubles } = parseArchiveListing(
      parseReport(
        [
          '@archive db1',
          " !find: '/b/wals/x': Permission denied",
          ' ?000000010000000000000007\t0\t1795363105.5\t',
          ' xlog.db.tmp\t1\t1\t',
          '@archive db2',
          '@trouble',
          ' cannot look into /b',
          '@history 00000002.history',
          '@end\n',
        ].join('\n'),
      ),
    );
    expect(troubles.map(({ server }) => server)).toEqual(['db1', 'db2']);
    expect(found[0]).toMatchObject({ files: [], lost: [{ segment: '000000010000000000000007' }] });
  });

  it.each([
    ['that broke off', '@archive db1\n 000'],
    ['that is empty', ''],
    ['with a line in it that nobody announced', '@archive db1\nbash: warning\n@end'],
  ])('%s is refused', (_, text) => {
    expect(() => parseReport(text)).toThrow();
  });
});

describe('a line of xlog.db', () => {
  it.each([
    ['00000001000000000000000A\t16777216\t1795363105.552912\tNone', { compressed: false, size: 16_777_216 }],
    ['00000001000000000000000A\t1234\t1795363105\tgzip', { compressed: true, time: 1_795_363_105_000_000n }],
    ['00000001000000000000000A\t1234\t1795363105.5\t', { size: 1234 }],
  ])('%j', (line, expected) => {
    expect(parseXlogDbLine(line)).toMatchObject(expected);
  });

  it.each(['', 'xlog.db\t1\t2\tNone', '00000001000000000000000A\tx\t2\tNone', '00000001000000000000000A'])(
    '%j is none',
    (line) => {
      expect(parseXlogDbLine(line)).toBeUndefined();
    },
  );
});
