import { describe, expect, it } from 'vitest';
import { sameAsJournalled } from '../../../../lib/engine/journal/same-value.ts';

const MASK = '********';

describe('a value of now is the one that a journal has', () => {
  it.each<[unknown, unknown]>([
    ['a', 'a'],
    [undefined, undefined],
    [null, null],
    [
      { path: '/a', mode: 7 },
      { mode: 7, path: '/a', owner: undefined },
    ],
    [`user=a password=${MASK}`, 'user=a password=secret'],
    [MASK, 1234567],
    [
      { token: MASK, name: 'a' },
      { token: 'secret', name: 'a' },
    ],
    [{ [MASK]: 1 }, { secret: 1 }],
  ])('%j: %j', (written, now) => {
    expect(sameAsJournalled(written, now)).toBe(true);
  });
});

describe('a value of now is not the one that a journal has', () => {
  it.each<[unknown, unknown]>([
    ['a', 'b'],
    ['1', 1],
    [undefined, 'a'],
    [['a'], ['a', 'b']],
    [[MASK], ['a', 'b']],
    [[MASK], { 0: 'a' }],
    [`user=a password=${MASK}`, 'user=b password=secret'],
    [MASK, { secret: 'a' }],
    [
      { token: MASK, name: 'a' },
      { token: 'secret', name: 'b' },
    ],
    [{ token: MASK, name: 'a' }, { token: 'secret' }],
  ])('%j: %j', (written, now) => {
    expect(sameAsJournalled(written, now)).toBe(false);
  });
});
