import { describe, expect, it } from 'vitest';
import { instantAt } from '../../../../../lib/recovery/wal/instant.ts';
import { lsnAt } from '../../../../../lib/recovery/wal/lsn.ts';
import { LockTracker } from '../../../../../lib/recovery/wal/moment/locks.ts';

/**
 * A story in a line: `lock 7 100`, `snap 7,8 next 9 oldest 7`, `commit 7 1,2` (subtransactions), `abort 7`, `prepare 7`; each
 * word group is one record, at positions 10, 20, 30, ...
 */
function told(story: string): LockTracker {
  const tracker = new LockTracker();
  for (const [index, line] of story.split(';').entries()) {
    const [what = '', xid = '', third = '', fourth = '', , sixth = '3'] = line.trim().split(' ');
    const at = lsnAt(BigInt(10 * (index + 1)));
    const numbers = (text: string): number[] =>
      text === '' || text === '-' ? [] : text.split(',').map(Number);
    if (what === 'lock') tracker.locks([{ xid: Number(xid), database: 5, relation: Number(third) }], at);
    else if (what === 'snap') {
      const nextXid = Number(third === 'next' ? fourth : 1000);
      tracker.running({ xids: numbers(xid), nextXid, oldestXid: Number(sixth), overflowed: false });
    } else if (what === 'commit' || what === 'abort' || what === 'prepare')
      tracker.ended({ kind: what, xid: Number(xid), time: instantAt(0n), subxids: numbers(third) }, at);
  }
  return tracker;
}

/** What the tracker says at the end of a story. */
function says(story: string): string {
  const tracker = told(story);
  const free = tracker.freeBefore();
  return [
    `held ${tracker.held.map(({ xid, relation }) => `${xid}/${relation}`).join(' ') || 'none'}`,
    ...(free === undefined ? [] : [`free before ${free.lsn}, ${free.commitsBetween} between`]),
    tracker.doubt ? 'in doubt' : 'sure',
  ].join(', ');
}

describe('locks at the end of a stretch of WAL', () => {
  it.each([
    ['nothing was read', '', 'held none, in doubt'],
    ['a snapshot in which nothing runs settles it', 'snap -', 'held none, sure'],
    ['a lock after that', 'snap -; lock 7 100', 'held 7/100, free before 20, 0 between, sure'],
    ['a commit frees it', 'snap -; lock 7 100; commit 7', 'held none, sure'],
    ['so does that of the transaction above', 'snap -; lock 8 100; commit 7 8', 'held none, sure'],
    [
      'the first record counts, not its repetitions',
      'snap -; lock 7 100; lock 7 100',
      'held 7/100, free before 20, 0 between, sure',
    ],
    [
      'commits of others in between',
      'snap -; lock 7 100; commit 9; prepare 10',
      'held 7/100, free before 20, 2 between, sure',
    ],
    [
      'the first half of a two-phase commit keeps it',
      'snap -; lock 7 100; prepare 7',
      'held 7/100, free before 20, 1 between, sure',
    ],
    [
      'a snapshot that was begun before that, and is written after it, brings it back no more',
      'snap -; lock 7 100; commit 7; lock 7 100; snap -',
      'held none, sure',
    ],
    [
      'nor when the one before was written in between',
      'snap -; lock 7 100; commit 7; snap -; lock 7 100',
      'held none, sure',
    ],
    [
      'whoever is older than the oldest that runs has ended, where that was not read too',
      'lock 7 100; snap - next 9 oldest 8',
      'held none, sure',
    ],
    ['who ran before may hold what was not seen', 'snap 7', 'held none, in doubt'],
    ['until they have ended', 'snap 7; commit 7', 'held none, sure'],
    ['or have ended before the snapshot was written', 'commit 7; snap 7', 'held none, sure'],
    ['or are gone in the next one', 'snap 7 next 9; snap - next 9', 'held none, sure'],
    ['or hold nothing in a snapshot that was read as a whole', 'snap 7; snap 7; snap 7', 'held none, sure'],
    [
      'a lock of theirs may have been taken earlier',
      'snap 7; lock 7 100',
      'held 7/100, free before 20, 0 between, in doubt',
    ],
    [
      'which does not matter where a commit lies between',
      'snap 7; lock 7 100; commit 9',
      'held 7/100, free before 20, 1 between, sure',
    ],
    [
      'stopping where another transaction held one that was aborted since would be no better',
      'snap -; lock 6 50; lock 7 100; abort 6; lock 7 101',
      'held 7/100 7/101, free before 20, 0 between, sure',
    ],
  ])('%s', (_, story, expected) => {
    expect(says(story)).toBe(expected);
  });
});
