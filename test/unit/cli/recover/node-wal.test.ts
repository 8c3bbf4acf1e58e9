import { describe, expect, it } from 'vitest';
import { hasSomeOf } from '../../../../cli/recover/node-wal.ts';

/** Which nodes save-wal.yml is named for: those whose pg_wal has some of the missing segments. */

/** Of timeline 1: 7 to 9 are whole, and of 10 (A) the beginning was written. */
const files = ['7', '8', '9', 'A'].map((end) => ({
  name: `00000001000000000000000${end}`,
  partial: end === 'A',
}));

describe('a node has some of what is missing', () => {
  it.each([
    ['000000010000000000000009', true],
    ['000000010000000000000005 to 000000010000000000000007 (3 segments)', true],
    ['000000010000000000000009 to 000000020000000000000009 (1 segments)', true],
    ['00000001000000000000000B', false],
    ['and 2 more gaps', false],
  ])('by the place of each: %s', (run, has) => {
    expect(hasSomeOf(files, [run])).toBe(has);
  });

  it('only where it has the whole of it: nothing replays on from a beginning', () => {
    expect(hasSomeOf(files, ['00000001000000000000000A'])).toBe(false);
    expect(hasSomeOf(files, ['00000001000000000000000A to 00000001000000000000000C (3 segments)'])).toBe(
      false,
    );
  });

  it.each([
    // Every name of timeline 1 from 5 on, however late, is between these two as a text.
    ['the old timeline behind the run', '000000010000000000000005 to 000000020000000000000006 (2 segments)'],
    ['the old timeline before the run', '00000001000000000000000B to 00000002000000000000000C (2 segments)'],
    ['another timeline', '000000020000000000000007 to 000000020000000000000009 (3 segments)'],
  ])('and not by names alone, where a run leads from one timeline to the next: %s', (_, run) => {
    expect(hasSomeOf(files, [run])).toBe(false);
  });
});
