import { describe, expect, it } from 'vitest';
import { parseReport } from '../../../../lib/contract/script-report.ts';
import { parseArchiveListing } from '../../../../lib/recovery/barman/archive-listing.ts';
import {
  otherMeaning,
  type PassedOver,
  whyChosen,
  whyNot,
} from '../../../../lib/recovery/barman/auto-backup.ts';
import {
  type CompleteBackup,
  isComplete,
  parseBackupInfo,
} from '../../../../lib/recovery/barman/backup-info.ts';
import { mergedFor, solveFor } from '../../../../lib/recovery/barman/recovery-wal.ts';
import type { Archive } from '../../../../lib/recovery/wal/archive.ts';
import { mergeArchives } from '../../../../lib/recovery/wal/archive.ts';
import { type Instant, parseEpoch } from '../../../../lib/recovery/wal/instant.ts';
import type { BackupPosition } from '../../../../lib/recovery/wal/lineage.ts';
import { lsnAt } from '../../../../lib/recovery/wal/lsn.ts';
import { DEFAULT_SEGMENT_SIZE, parseSegmentSize, segmentAt } from '../../../../lib/recovery/wal/segment.ts';
import { solveWal } from '../../../../lib/recovery/wal/solve.ts';
import { checkedTarget, type TargetParam } from '../../../../lib/recovery/wal/target.ts';
import { timelineId } from '../../../../lib/recovery/wal/timeline.ts';
import { historyOf } from '../wal/history.ts';
import { fixture } from './fixture.ts';

const { archives } = parseArchiveListing(parseReport(fixture('archives-after-switchover.txt')));
const servers = archives.map(({ server }) => ({ name: server, backups: [] }));

function backup(id: string, change: (text: string) => string = (text) => text): CompleteBackup {
  const info = parseBackupInfo('db1', id, change(fixture('backup.info')));
  if (!isComplete(info)) throw new Error('it is DONE');
  return info;
}
const newest = backup('20261122T155813');

/** The reason against a backup, as the operator reads it. */
async function reason(
  param: TargetParam,
  some: readonly Archive[] = archives,
  leader?: number,
): Promise<string> {
  const target = checkedTarget(param);
  const refusal = await solveFor(newest, { servers, archives: some }, target, {
    leader: leader === undefined ? undefined : timelineId(leader),
  });
  return refusal.ok ? 'none' : whyNot(refusal, target, newest);
}

describe('why a newer backup is passed over', () => {
  it('is said for each reason', async () => {
    expect(await reason('2026-11-22 15:00:00+00')).toBe(
      'ended at 2026-11-22 15:58:17.456449+00, after the target',
    );
    expect(await reason({ lsn: '0/28' })).toMatch(/^ended at position 0\/[0-9A-F]+, after the target$/);
    expect(await reason('2026-11-22 17:00:00+00')).toBe(
      'the WAL that follows it ends before the target, on timeline 2',
    );
    expect(await reason('latest', [])).toBe('none of its WAL is archived');
    expect(await reason('latest', archives, 7)).toBe(
      'it does not lead to timeline 7, on which the leader is',
    );
    const holes = archives.map((archive) => ({
      ...archive,
      files: archive.files.filter(({ segment }) => !segment.endsWith(newest.endWal.slice(-8))),
    }));
    expect(await reason('latest', holes)).toMatch(/^WAL is missing on its way: [0-9A-F]{24}$/);
  });

  it('and why the chosen one is chosen', () => {
    const older = backup('20261121T155813');
    const passed: PassedOver[] = [{ backup: newest, why: 'ended at 16:00, after the target' }];
    expect(whyChosen(newest, [], checkedTarget('latest'))).toEqual([
      '20261122T155813 of server db1 is the newest backup, and WAL leads from it to the end of what is archived.',
    ]);
    expect(whyChosen(older, passed, checkedTarget({ xid: 731 }))).toEqual([
      '20261121T155813 of server db1 is the newest backup from which WAL leads to after the end of transaction 731.',
      'Passed over: 20261122T155813 of server db1: ended at 16:00, after the target.',
    ]);
  });
});

describe('archives from which many backups are judged', () => {
  /** Archives that note how often their files are gone through. */
  function counted() {
    let times = 0;
    const noting = archives.map(({ files, ...archive }) => ({
      ...archive,
      get files() {
        times += 1;
        return files;
      },
    }));
    return { archives: noting, times: () => times };
  }
  const older = backup('20261121T155813');
  const elsewhere = { ...older, server: 'db2' };

  it('are laid over each other once for all of them, whichever server has them', async () => {
    const seen = counted();
    for (const one of [newest, older, elsewhere])
      await solveFor(one, { servers, archives: seen.archives }, checkedTarget('latest'));
    expect(seen.times()).toBe(archives.length);
  });

  it('are anew for another cluster, another size, and what nodes have besides', async () => {
    const known = servers.map((server) => ({ ...server, systemId: newest.systemId }));
    const other = { ...older, systemId: '42' };
    expect((await solveFor(other, { servers: known, archives }, checkedTarget('latest'))).ok).toBe(false);
    expect((await solveFor(newest, { servers: known, archives }, checkedTarget('latest'))).ok).toBe(true);
    const size = parseSegmentSize(1024 * 1024) ?? DEFAULT_SEGMENT_SIZE;
    const small = { ...newest, segmentSize: size };
    const wal = { servers, archives };
    expect(mergedFor(small, wal)).not.toBe(mergedFor(newest, wal));
    const tails = [
      {
        ...{ node: 'db1', pgdata: '/data', user: 'postgres', system_id: newest.systemId },
        files: [{ name: '0000000200000000000000FF', partial: false, time: '1795370000' }],
      },
    ];
    const beside = mergedFor(newest, { ...wal, tails });
    expect(beside.holdings.size).toBe(mergedFor(newest, wal).holdings.size + 1);
    expect(mergedFor(other, { ...wal, tails }).holdings.size).toBe(mergedFor(newest, wal).holdings.size);
  });

  it('let others have their turn between two backups', async () => {
    const turns: number[] = [];
    for (const turn of [1, 2, 3]) {
      setImmediate(() => turns.push(turn));
      await solveFor(newest, { servers, archives }, checkedTarget('latest'));
    }
    expect(turns).toEqual([1, 2, 3]);
  });
});

describe('a position that the newest backup has no doubt about', () => {
  const size = parseSegmentSize(1024 * 1024) ?? DEFAULT_SEGMENT_SIZE;
  const clock = (time: string): Instant =>
    parseEpoch(String(Date.parse(`2026-11-22T${time}Z`) / 1000)) ?? never();
  const files = (
    [
      ...([1, 2, 3, 4, 5, 6] as const).map(
        (number) => [1, number, `10:${number}0:00`.replace('60', '59')] as const,
      ),
      ...([2, 3, 4, 5] as const).map((number) => [2, number, `11:${number}0:00`] as const),
    ] as const
  ).map(([timeline, number, time]) => ({
    segment: segmentAt(timelineId(timeline), number, size),
    partial: false,
    time: clock(time),
    size,
    compressed: false,
  }));
  const history = historyOf(2, '1\t0/280000\tbefore 2026-11-22 10:08:00+00\n');
  const merged = mergeArchives(
    [
      {
        server: 'a',
        files,
        lost: [],
        damaged: [],
        histories: [{ history, time: clock('11:00:00'), bytes: new Uint8Array() }],
      },
    ],
    size,
  );
  const position = (timeline: number, begin: bigint, endTime: string): BackupPosition => ({
    timeline: timelineId(timeline),
    beginLsn: lsnAt(begin),
    endLsn: lsnAt(begin + 0x100n),
    endTime: clock(endTime),
    segmentSize: size,
  });
  const onBranch = position(2, 0x30_0028n, '11:35:00');
  const before = position(1, 0x10_0028n, '09:59:00');
  const meanings = (param: TargetParam, older: readonly BackupPosition[]) => {
    const target = checkedTarget(param);
    return otherMeaning(target, older, async (one) => solveWal(one, merged, target));
  };

  it('is refused where an older one leads to it on two timelines, with both', async () => {
    const target = checkedTarget({ lsn: '0/480000' });
    expect(solveWal(onBranch, merged, target)).toMatchObject({ ok: true, line: { timeline: 2 } });
    expect(await meanings({ lsn: '0/480000' }, [before])).toMatchObject({
      backup: before,
      refusal: { why: 'timeline-ambiguous', candidates: [{ timeline: 1 }, { timeline: 2 }] },
    });
  });

  it('is taken where only one timeline has it, or no older backup leads anywhere else', async () => {
    expect(await meanings({ lsn: '0/680000' }, [before])).toBeUndefined();
    expect(await meanings({ lsn: '0/480000' }, [onBranch])).toBeUndefined();
    expect(await meanings('latest', [before])).toBeUndefined();
  });
});

function never(): never {
  throw new Error('no time');
}
