import { describe, expect, it } from 'vitest';
import { type Archive, mergeArchives } from '../../../../lib/recovery/wal/archive.ts';
import { parseArchiveFileName } from '../../../../lib/recovery/wal/archive-file.ts';
import { instantAt } from '../../../../lib/recovery/wal/instant.ts';
import { parseLsn } from '../../../../lib/recovery/wal/lsn.ts';
import { nextTimeline, walOfTimeline } from '../../../../lib/recovery/wal/next-timeline.ts';
import { rangesOf } from '../../../../lib/recovery/wal/ranges.ts';
import { DEFAULT_SEGMENT_SIZE } from '../../../../lib/recovery/wal/segment.ts';
import { timelineId } from '../../../../lib/recovery/wal/timeline.ts';
import { historyOf } from './history.ts';

const at = (seconds: number) => instantAt(1_795_340_000_000_000n + BigInt(seconds) * 1_000_000n);

/** `1:05@30`: segment 5 of timeline 1, written until second 30. */
function archive(files: readonly string[], histories: readonly [number, number, string][] = []): Archive {
  return {
    server: 'db1',
    lost: [],
    damaged: [],
    files: files.map((text) => {
      const [, timeline = '', digits = '', seconds = ''] = /^(\d):(..)@(\d+)$/.exec(text) ?? [];
      const parsed = parseArchiveFileName(`0000000${timeline}${'0'.repeat(14)}${digits}`);
      if (parsed?.kind !== 'segment') throw new Error(text);
      const time = at(Number(seconds));
      return { segment: parsed.segment, partial: false, time, size: DEFAULT_SEGMENT_SIZE, compressed: false };
    }),
    histories: histories.map(([timeline, seconds, text]) => ({
      history: historyOf(timeline, text),
      time: at(seconds),
      bytes: Buffer.from(text),
    })),
  };
}

/** Each range: timeline, seconds from and to, gaps. */
function ranges(one: Archive): readonly string[] {
  const backup = {
    timeline: timelineId(1),
    beginLsn: parseLsn('0/3000028') ?? fail(),
    endLsn: parseLsn('0/4000100') ?? fail(),
    endTime: at(10),
    segmentSize: DEFAULT_SEGMENT_SIZE,
  };
  const second = (instant: bigint | undefined) =>
    instant === undefined ? 'nothing' : String((instant - at(0)) / 1_000_000n);
  return rangesOf(backup, mergeArchives([one], DEFAULT_SEGMENT_SIZE)).map(
    ({ timeline, from, to, gaps }) =>
      `${timeline}: ${second(from)} to ${second(to)}${gaps.map((gap) => `, lacks ${gap.first.slice(-2)} to ${gap.last.slice(-2)}`).join('')}`,
  );
}

function fail(): never {
  throw new Error('no position');
}

const BRANCH: [number, number, string] = [2, 60, '1\t0/5000100\tbefore 2026-11-22\n'];
const OWN = ['1:03@5', '1:04@20', '1:05@30', '1:06@40', '1:07@50'];

describe('what a backup reaches', () => {
  it('is after a recovery as before it on the timeline that was left, and the new one beside it', () => {
    expect(ranges(archive([...OWN, '2:05@70', '2:06@80'], [BRANCH]))).toEqual(['1: 10 to 50', '2: 60 to 80']);
  });

  it('ends at a gap, which is told', () => {
    const files = OWN.filter((name) => !name.startsWith('1:06'));
    expect(ranges(archive(files))).toEqual(['1: 10 to 30, lacks 06 to 06']);
  });

  it('is nothing of a timeline that begins behind a gap', () => {
    const files = ['1:03@5', '1:04@20', '2:06@80', '2:07@90'];
    expect(ranges(archive(files, [BRANCH]))).toEqual(['1: 10 to 20', '2: 60 to nothing, lacks 05 to 05']);
  });

  it('leaves a timeline out of which nothing is archived', () => {
    expect(ranges(archive(OWN, [BRANCH]))).toEqual(['1: 10 to 50']);
  });
});

describe('the number that a promotion gets', () => {
  const histories: [number, number, string][] = [2, 3, 5].map((n) => [n, 60, '1\t0/5000100\tx\n']);
  it.each([
    [1, [], 4],
    [3, [], 4],
    [4, [], 6],
    [5, [], 6],
    [1, [4], 6],
  ])('after %i, with %j on nodes, is %i', (after, besides, next) => {
    expect(nextTimeline(timelineId(after), [archive(OWN, histories)], besides.map(timelineId))).toBe(next);
  });

  it('is judged by the WAL that has it already', () => {
    const stray = archive([...OWN, '4:20@5', '4:1F@6']);
    expect(walOfTimeline(timelineId(4), [stray])).toEqual([
      { server: 'db1', names: ['00000004000000000000001F', '000000040000000000000020'] },
    ]);
    expect(walOfTimeline(timelineId(3), [stray])).toEqual([]);
  });
});
