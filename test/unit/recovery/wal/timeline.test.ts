import { describe, expect, it } from 'vitest';
import { formatLsn } from '../../../../lib/recovery/wal/lsn.ts';
import {
  historyFileName,
  parseHistory,
  sameHistory,
  stoppedAtTarget,
  timelineId,
} from '../../../../lib/recovery/wal/timeline.ts';

describe('a history file', () => {
  it('tells the ancestors and where each was left', () => {
    const text =
      '1\t0/89000028\tno recovery target specified\n\n2\t1/A0000000\tbefore 2026-11-22 09:34:43.075605+00\n';
    const history = parseHistory(timelineId(3), text);
    expect(history.ancestors.map((entry) => [entry.timeline, formatLsn(entry.until), entry.reason])).toEqual([
      [1, '0/89000028', 'no recovery target specified'],
      [2, '1/A0000000', 'before 2026-11-22 09:34:43.075605+00'],
    ]);
    expect(history.ancestors.map(stoppedAtTarget)).toEqual([false, true]);
  });

  it('of which only the reason is worded differently is the same history', () => {
    const one = parseHistory(timelineId(2), '1\t0/3000028\tno recovery target specified\n');
    expect(sameHistory(one, parseHistory(timelineId(2), '1 0/3000028 other words'))).toBe(true);
    expect(
      sameHistory(one, parseHistory(timelineId(2), '1\t0/4000028\tno recovery target specified\n')),
    ).toBe(false);
  });

  it.each([
    ['garbage', 'hello'],
    ['a position that is none', '1\tx/y\treason'],
    ['timelines that do not ascend', '2\t0/1\ta\n1\t0/2\tb'],
    ['itself as an ancestor', '5\t0/1\ta'],
  ])('with %s is refused', (_, text) => {
    expect(() => parseHistory(timelineId(5), text)).toThrow();
  });

  it('is named by its timeline in hexadecimal', () => {
    expect(historyFileName(timelineId(26))).toBe('0000001A.history');
  });
});
