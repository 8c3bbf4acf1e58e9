import { describe, expect, it } from 'vitest';
import { type PastPromotions, whyNotOnwards } from '../../../../lib/recovery/wal/past-promotions.ts';

/** Timeline 6, which a recovery has begun at 0/5000060 of timeline 4. */
const PROMOTED: PastPromotions = {
  system_id: '7300000000000000001',
  timeline: 6,
  ancestors: [
    { timeline: 1, until: '0/3000000' },
    { timeline: 4, until: '0/5000060' },
  ],
};

describe('data goes on from a promotion', () => {
  it.each<readonly [string, Partial<PastPromotions>]>([
    ['on its timeline', {}],
    [
      'on one that Patroni has begun after it',
      { timeline: 8, ancestors: [...PROMOTED.ancestors, { timeline: 6, until: '0/7000000' }] },
    ],
  ])('%s', (_, now) => {
    expect(whyNotOnwards({ ...PROMOTED, ...now }, PROMOTED)).toBeUndefined();
  });

  it.each<readonly [string, Partial<PastPromotions>, string]>([
    ['data of a cluster that was begun anew', { system_id: '8', timeline: 1, ancestors: [] }, 'identifier'],
    ['the data of before', { timeline: 4, ancestors: PROMOTED.ancestors.slice(0, 1) }, 'not come from'],
    [
      'a member that was promoted to a higher number',
      { timeline: 7, ancestors: [...PROMOTED.ancestors.slice(0, 1), { timeline: 4, until: '0/9000000' }] },
      'not come from',
    ],
    [
      'another history that has taken its number',
      { ancestors: [...PROMOTED.ancestors.slice(0, 1), { timeline: 4, until: '0/9000000' }] },
      'has begun elsewhere than at 0/5000060 of timeline 4',
    ],
    ['one whose beginning is not known', { ancestors: [] }, 'has begun elsewhere'],
    [
      'one that has come to its number another way',
      { ancestors: [...PROMOTED.ancestors, { timeline: 5, until: '0/6000000' }] },
      'has begun elsewhere',
    ],
  ])('but not %s', (_, now, words) => {
    expect(whyNotOnwards({ ...PROMOTED, ...now }, PROMOTED)).toContain(words);
  });

  it('that has none behind it', () => {
    const begun = { ...PROMOTED, timeline: 1, ancestors: [] };
    expect(whyNotOnwards(begun, begun)).toBeUndefined();
    expect(whyNotOnwards({ ...begun, timeline: 2, ancestors: [{ timeline: 1, until: '0/1' }] }, begun)).toBe(
      undefined,
    );
    expect(whyNotOnwards(PROMOTED, { ...begun, timeline: 2 })).toContain('not come from timeline 2');
  });
});
