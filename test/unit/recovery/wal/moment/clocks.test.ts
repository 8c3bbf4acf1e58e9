import { describe, expect, it } from 'vitest';
import { type ArchivedFile, mergeArchives } from '../../../../../lib/recovery/wal/archive.ts';
import { chainOf } from '../../../../../lib/recovery/wal/chain.ts';
import { lsnAt } from '../../../../../lib/recovery/wal/lsn.ts';
import { findMoment, type Moment } from '../../../../../lib/recovery/wal/moment/find.ts';
import { segmentAt } from '../../../../../lib/recovery/wal/segment.ts';
import { solveWal } from '../../../../../lib/recovery/wal/solve.ts';
import { timelineId } from '../../../../../lib/recovery/wal/timeline.ts';
import { historyOf } from '../history.ts';
import { clock, commit, nothingRuns, SIZE, segmentsOf } from './segments.ts';

type Written = readonly [number: number, timeline: number, first: string, last: string];

const backup = {
  timeline: timelineId(1),
  beginLsn: lsnAt(0x10_0028n),
  endLsn: lsnAt(0x10_0060n),
  endTime: clock('09:59:00'),
  segmentSize: SIZE,
};

/** Two commits in each segment, or none (''); the second is the last thing that is written there. `copied` tells another time of a file. */
async function momentAt(
  time: string,
  plan: readonly Written[],
  copied: Readonly<Record<number, string>> = {},
  asked: number[] = [],
): Promise<Moment> {
  const segments = segmentsOf(
    plan.map(([number, timeline, first, last]) => [
      number,
      timeline,
      [
        nothingRuns(number * 10),
        ...(first === '' ? [] : [commit(number * 10, first), commit(number * 10 + 1, last)]),
      ],
    ]),
  );
  const files = plan.map(
    ([number, timeline, , last]): ArchivedFile => ({
      segment: segmentAt(timelineId(timeline), number, SIZE),
      partial: false,
      time: clock(copied[number] ?? last),
      size: SIZE,
      compressed: false,
    }),
  );
  const history = historyOf(2, '1\t0/400000\tno recovery target specified\n');
  const histories = [{ history, time: clock('10:00:55'), bytes: new Uint8Array() }];
  const archive = mergeArchives([{ server: 'a', files, lost: [], damaged: [], histories }], SIZE);
  const target = { kind: 'time', time: clock(time) } as const;
  const solved = solveWal(backup, archive, target);
  if (!solved.ok) throw new Error(solved.why);
  const chain = chainOf(solved.line, archive);
  const question = { target, chain, segmentSize: SIZE, consistentAt: backup.endLsn, systemId: '77' };
  return findMoment(question, {
    read: async ({ number }) => {
      asked.push(number);
      return segments.get(number) ?? new Uint8Array();
    },
  });
}

/** The first leader's clock was a minute ahead; after 0/400000 another one leads, whose clock is right. */
const skewed: readonly Written[] = [
  [1, 1, '10:01:00', '10:01:10'],
  [2, 1, '10:01:20', '10:01:30'],
  [3, 1, '10:01:40', '10:01:50'],
  [4, 2, '10:01:05', '10:01:08'],
  [5, 2, '10:01:25', '10:01:28'],
  [6, 2, '10:01:35', '10:01:45'],
  [7, 2, '10:02:35', '10:02:45'],
];

describe('where a clock went back', () => {
  it('the stop is the first commit later than the target, as PostgreSQL finds it, before the clock went back', async () => {
    const { stop, lastCommit } = await momentAt('10:01:32', skewed);
    expect(stop).toMatchObject({ side: 'before', xid: 30, time: clock('10:01:40') });
    expect(lastCommit?.xid).toBe(21);
  });

  it('the segments after the stop that were written before the target are named', async () => {
    const { writtenBefore } = await momentAt('10:01:32', skewed);
    expect(writtenBefore.map(({ number }) => number)).toEqual([4, 5]);
  });

  it('nothing is named where none was written before the target', async () => {
    expect((await momentAt('10:02:00', skewed)).writtenBefore).toEqual([]);
  });
});

it('a copy with the time of a later upload costs reading, and moves no stop', async () => {
  const steady = skewed.map(([number, , first, last]): Written => [number, 1, first, last]).slice(4);
  const plan: readonly Written[] = [
    [1, 1, '10:00:01', '10:00:02'],
    [2, 1, '10:00:03', '10:00:04'],
    [3, 1, '10:00:05', '10:00:06'],
    [4, 1, '10:00:07', '10:00:08'],
    ...steady,
  ];
  const right = await momentAt('10:01:36', plan);
  const late = await momentAt('10:01:36', plan, { 2: '10:30:00' });
  expect(late.stop).toEqual(right.stop);
  expect(late.stop).toMatchObject({ xid: 61 });
  expect(late.segmentsRead).toBeGreaterThan(right.segmentsRead);
});

it('a segment that was read is not asked for again when the search goes back', async () => {
  const plan: readonly Written[] = [
    [1, 1, '10:00:01', '10:00:02'],
    [2, 1, '', '10:00:03'],
    [3, 1, '', '10:00:04'],
    [4, 1, '', '10:00:05'],
    [5, 1, '10:00:10', '10:00:20'],
  ];
  const asked: number[] = [];
  const { stop, lastCommit } = await momentAt('10:00:06', plan, {}, asked);
  expect([stop?.xid, lastCommit?.xid]).toEqual([50, 11]);
  expect(asked.toSorted()).toEqual([1, 2, 3, 4, 5]);
});

it('times of files in whole seconds move no stop', async () => {
  const plan: readonly Written[] = [
    [1, 1, '10:00:00.1', '10:00:00.2'],
    [2, 1, '10:00:00.4', '10:00:00.501'],
    // Who commits at the same moment takes its time before its place in the WAL.
    [3, 1, '10:00:00.499', '10:00:00.6'],
    [4, 1, '10:00:01.1', '10:00:01.2'],
  ];
  const right = await momentAt('10:00:00.5', plan);
  const cut = { 1: '10:00:00', 2: '10:00:00', 3: '10:00:00', 4: '10:00:01' };
  expect(right.stop).toMatchObject({ xid: 21 });
  expect((await momentAt('10:00:00.5', plan, cut)).stop).toEqual(right.stop);
});
