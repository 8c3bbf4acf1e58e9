import { describe, expect, it } from 'vitest';
import { formatLsn } from '../../../../lib/recovery/wal/lsn.ts';
import {
  historyFileName,
  readHistory,
  sameHistory,
  stoppedAtTarget,
  timelineId,
} from '../../../../lib/recovery/wal/timeline.ts';
import { historyOf } from './history.ts';

describe('a history file', () => {
  it('tells the ancestors and where each was left', () => {
    const text =
      '1\t0/89000028\tno recovery target specified\n\n2\t1/A0000000\tbefore 2026-11-22 09:34:43.075605+00\n';
    const history = historyOf(3, text);
    expect(history.ancestors.map((entry) => [entry.timeline, formatLsn(entry.until), entry.reason])).toEqual([
      [1, '0/89000028', 'no recovery target specified'],
      [2, '1/A0000000', 'before 2026-11-22 09:34:43.075605+00'],
    ]);
    expect(history.ancestors.map(stoppedAtTarget)).toEqual([false, true]);
  });

  it('of which only the reason is worded differently is the same history', () => {
    const one = historyOf(2, '1\t0/3000028\tno recovery target specified\n');
    expect(sameHistory(one, historyOf(2, '1 0/3000028 other words'))).toBe(true);
    expect(sameHistory(one, historyOf(2, '1\t0/4000028\tno recovery target specified\n'))).toBe(false);
  });

  it.each([
    ['garbage', 'hello', 'is not the history of a timeline: line 1 names no timeline and position'],
    ['a position that is none', '1\tx/y\treason', 'is not the history of a timeline: line 1 names'],
    ['a timeline 0', '0\t0/1\treason', 'is not the history of a timeline: line 1 names'],
    [
      'bytes of something else',
      '1\t0/1\ta\n\u001b]0;pwned\u0007\u0000',
      'is not the history of a timeline: line 2',
    ],
    ['nothing in it', '', 'is empty'],
    ['white space alone', ' \n', 'holds nothing but white space'],
    ['comments alone', '# 1\t0/1\n', 'names no timeline that it comes from'],
    ['timelines that do not ascend', '2\t0/1\ta\n1\t0/2\tb', 'names timelines that do not ascend'],
    ['itself as an ancestor', '5\t0/1\ta', 'names an ancestor that is not older than itself'],
    ['more than a history can have', '1\t0/1\ta\n'.repeat(200_000), 'has more than'],
  ])('with %s is not believed, and none of its bytes are told', (_, text, why) => {
    const read = readHistory(timelineId(5), text);
    expect(read).toEqual({ why: expect.stringContaining(why) });
    expect(JSON.stringify(read)).not.toMatch(/hello|pwned|\\u00/);
  });

  it('of a recovery to a moment before its timeline began has positions that do not ascend', () => {
    expect(historyOf(3, '1\t0/5000000\ta\n2\t0/3000000\tbefore x\n').ancestors).toHaveLength(2);
  });

  it('is named by its timeline in hexadecimal', () => {
    expect(historyFileName(timelineId(26))).toBe('0000001A.history');
  });
});
