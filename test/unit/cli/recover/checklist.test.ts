import { describe, expect, it } from 'vitest';
import { checklist } from '../../../../cli/recover/checklist.ts';

const recovered = {
  runId: 'r1',
  target: 'db2',
  targetTime: '2026-01-23 12:30:00+00',
  words: '2026-01-23 12:30:00+00',
  timeline: 3,
};
const judged = (sql: string, rows: readonly Record<string, unknown>[], tookOver = false) =>
  checklist({ ...recovered, tookOver })
    .find((item) => item.sql.includes(sql))
    ?.holds(rows);

describe('the checklist', () => {
  it.each([
    ['a recovery that waits', 'pg_is_in_recovery', { pg_is_in_recovery: true }, false, true],
    ['one that has promoted itself', 'pg_is_in_recovery', { pg_is_in_recovery: false }, false, false],
    ['a leader', 'pg_is_in_recovery', { pg_is_in_recovery: false }, true, true],
    ['the target', 'SHOW recovery_target_time', { t: '2026-01-23 14:30:00+02' }, false, true],
    ['another target', 'SHOW recovery_target_time', { t: '2026-01-23 12:30:01+00' }, false, false],
    ['an aim at a position', 'SHOW recovery_target_time', { t: '' }, false, true],
    [
      'a target that was left in a leader',
      'SHOW recovery_target_time',
      { t: '2026-01-23 12:30:00+00' },
      true,
      false,
    ],
    ['the old timeline after a takeover', 'timeline_id', { timeline_id: 3 }, true, false],
    ['a new timeline', 'timeline_id', { timeline_id: 4 }, true, true],
    ['a commit at the target', 'replay_timestamp', { t: '2026-01-23T12:30:00+00:00' }, false, true],
    [
      'a commit after the target',
      'replay_timestamp',
      { t: '2026-01-23T12:30:00.000001+00:00' },
      false,
      false,
    ],
    ['no commit yet', 'replay_timestamp', { t: null }, false, undefined],
    ['an address that is listened on', 'listen_addresses', { l: '*' }, false, false],
  ] as const)('knows %s', (_, sql, row, tookOver, holds) => {
    expect(judged(sql, [row], tookOver)).toBe(holds);
  });

  it.each(['the end of transaction 731', 'the end of the WAL before the gap (2026-01-23 11:00:00+00)'])(
    'of a target that is no time speaks of that, and not of the archive: %s',
    (words) => {
      const expected = checklist({ ...recovered, targetTime: 'latest', words, tookOver: false }).map(
        (item) => item.expected,
      );
      expect(expected.join('\n')).toContain(`the target was: ${words}`);
      expect(expected.join('\n')).not.toMatch(/archived|latest/);
    },
  );
});
