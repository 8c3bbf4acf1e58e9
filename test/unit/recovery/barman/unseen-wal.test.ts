import { describe, expect, it } from 'vitest';
import { asPitrError, type PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import {
  mayMissCommits,
  refuseUnseen,
  type UnseenFacts,
  unseenNodes,
  unseenNotes,
} from '../../../../lib/recovery/barman/unseen-wal.ts';

const looked = (node: string) => ({ node, files: [] });
const failed = { failed: true, error: { host: 'db1', message: 'cannot look into /data/pg_wal' } };
const db1 = { node: 'db1', why: 'cannot look into /data/pg_wal' };

/** `latest`, and nobody leads. */
const facts = (more: Partial<UnseenFacts> = {}): UnseenFacts => ({
  unseen: [db1],
  latest: true,
  timeline: 3,
  leaderTimeline: 0,
  gap: false,
  ...more,
});

function refusal(given: UnseenFacts, accepted = false): PitrError | undefined {
  try {
    refuseUnseen(given, accepted, 'barman');
    return undefined;
  } catch (thrown) {
    return asPitrError(thrown);
  }
}

describe('pg_wal was not looked at', () => {
  const expected = { hosts: ['db1', 'db2'], members: ['db1', 'db2'] };

  it('nowhere, where each node has told what it has', () => {
    expect(unseenNodes([looked('db1'), looked('db2')], expected)).toEqual([]);
    expect(unseenNodes([], { hosts: [], members: [] })).toEqual([]);
  });

  it('on a node that did not answer, with the reason', () => {
    expect(unseenNodes([failed, looked('db2')], expected)).toEqual([db1]);
  });

  it('on a host that the run leaves out, and on a member that is no host', () => {
    expect(unseenNodes([looked('db2')], { ...expected, members: ['db2', 'db9'] })).toEqual([
      { node: 'db1', why: expect.stringContaining('--limit') },
      { node: 'db9', why: expect.stringContaining('the inventory has no host') },
    ]);
  });
});

describe('commits may be missed', () => {
  it.each([
    ['where all is asked for and nobody leads', {}, true],
    ['where the leader is on another timeline than the one that is recovered', { leaderTimeline: 4 }, true],
    ['where WAL is missing, though a leader lives', { leaderTimeline: 3, gap: true }, true],
    ['not where the leader has all of that timeline', { leaderTimeline: 3 }, false],
    ['not before a target that archived WAL leads to', { latest: false }, false],
    ['not where each node was looked at', { unseen: [] }, false],
    ['where a timeline has begun of which no WAL is known', { unseen: [], goneOn: [4] }, true],
    ['not before a target, whatever has begun', { unseen: [], goneOn: [4], latest: false }, false],
  ])('%s', (_, more, may) => {
    expect(mayMissCommits(facts(more))).toBe(may);
    expect(refusal(facts(more))?.code).toBe(may ? 'wal-unseen' : undefined);
    expect(refusal(facts(more), true)).toBeUndefined();
  });

  it('and the refusal names node, reason and ways', () => {
    const error = refusal(facts());
    expect([
      error?.kind,
      error?.message,
      ...(error?.details ?? []),
      ...(error?.next ?? []),
    ]).toMatchInlineSnapshot(`
      [
        "refused",
        "pg_wal of db1 could not be looked at: the last commits may be there and nowhere else",
        "db1: cannot look into /data/pg_wal",
        "No leader is alive that has all of this timeline and could archive it.",
        "Mend that, so that pg_wal of db1 can be looked at, and run this again.",
        "Or name a moment instead of latest: it is refused only where the WAL up to it is not archived.",
        "Or recover without what may be there alone: -e accept_unseen_wal=true",
      ]
    `);
  });
});

describe('a timeline without known WAL', () => {
  it('is named in the refusal, with ways', () => {
    const error = refusal(facts({ unseen: [], goneOn: [4] }));
    expect([error?.message, ...(error?.details ?? []), ...(error?.next ?? [])]).toMatchInlineSnapshot(`
      [
        "timeline 4 began after the last WAL of timeline 3, and no WAL of it was found: the last commits may be there",
        "Its history file is known. Whoever led on it may have written for hours, and archived nothing of it yet.",
        "No leader was asked that would tell which timeline is meant.",
        "Where a leader lives, let it archive what it has, with psql on it: select pg_switch_wal(). Then run this again.",
        "Where none lives, have the WAL of that timeline archived, or have a leader again.",
        "Or recover to the end of timeline 3: -e timeline=3",
        "Or recover without what may be there alone: -e accept_unseen_wal=true",
      ]
    `);
  });

  it('is named in the plan where it was accepted', () => {
    expect(unseenNotes(facts({ unseen: [], goneOn: [4] }))).toMatchInlineSnapshot(`
      [
        "Timeline 4 began after the last WAL of timeline 3: none of its commits is recovered.",
      ]
    `);
  });
});

describe('the plan', () => {
  it.each([
    ['what is accepted', {}, 'are not recovered'],
    ['that the leader has all', { leaderTimeline: 3 }, 'The leader has all of the timeline'],
    ['that the target is proved', { latest: false }, 'The WAL up to the target is archived.'],
    [
      'that what is missing may be there',
      { latest: false, gap: true },
      'The WAL that is missing may be there',
    ],
  ])('names who was not looked at, and %s', (_, more, words) => {
    const [who, meaning] = unseenNotes(facts(more));
    expect(who).toBe('pg_wal was not looked at on: db1 (cannot look into /data/pg_wal).');
    expect(meaning).toContain(words);
  });

  it('says nothing of it where each node was looked at', () => {
    expect(unseenNotes(facts({ unseen: [] }))).toEqual([]);
  });
});
