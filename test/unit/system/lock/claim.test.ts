import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Age } from '../../../../lib/system/lock/age.ts';
import { type Claim, concerns, parseClaim, renderClaim } from '../../../../lib/system/lock/claim.ts';
import { mayTake } from '../../../../lib/system/lock/judge.ts';
import { type LockState, lockFileName } from '../../../../lib/system/lock/lock-resource.ts';

const claim: Claim = {
  run: 'X',
  about: ['W'],
  owner: 'ann@one',
  purpose: 'recover db2',
  started: '2026-11-22T18:00:00.000Z',
  state: 'working',
  ways: [],
};

describe('a claim', () => {
  it('is one line, and is read back as it was, whatever a person called it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (purpose) => {
        const text = renderClaim({ ...claim, purpose });
        expect(text).not.toMatch(/[\r\n]/);
        expect(parseClaim(text)).toEqual({ ...claim, purpose });
      }),
    );
  });

  it.each(['', 'no json', '{}', '{"run":""}', '[]', '{"run":7}', renderClaim(claim).slice(0, 40)])(
    'is not seen in %j',
    (text) => {
      expect(parseClaim(text)).toBeUndefined();
    },
  );

  it('is about its own run and those that it took over, and no other', () => {
    expect(['X', 'W', 'V'].map((run) => concerns(claim, run))).toEqual([true, true, false]);
  });
});

describe('the file name of a lock', () => {
  it('is one name in its directory, never hidden, and different for different locks', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), fc.string({ minLength: 1 }), (one, other) => {
        const name = lockFileName(one);
        expect(name).toMatch(/^[A-Za-z0-9_%-][A-Za-z0-9_.%-]*$/);
        if (one !== other) expect(lockFileName(other)).not.toBe(name);
      }),
    );
  });
});

describe('whether a lock can be had', () => {
  const state = (more: Partial<LockState>): LockState => ({
    held: false,
    ours: false,
    claim: undefined,
    now: 1000,
    written: 900,
    heard: 990,
    ...more,
  });
  const want = { run: 'Y', allow: [] as string[], breaks: undefined as string | undefined };

  it.each([
    ['free, without a claim', want, {}, undefined],
    ['held by this run', want, { held: true, ours: true }, undefined],
    ['held by another', want, { held: true, claim }, 'locked'],
    ['held, the claim not written yet', want, { held: true }, 'locked'],
    ['held by another, to be broken', { ...want, breaks: 'X' }, { held: true, claim }, 'locked'],
    ['left by another run', want, { claim }, 'run-unfinished'],
    [
      'left by a run that failed',
      want,
      { claim: { ...claim, state: 'unfinished', ended: 'failed' } },
      'run-unfinished',
    ],
    ['waiting', want, { claim: { ...claim, state: 'waiting' } }, 'recovery-waiting'],
    ['left by itself', { ...want, run: 'X' }, { claim }, undefined],
    [
      'held by itself: a dead process of it, perhaps',
      { ...want, run: 'X' },
      { held: true, claim },
      undefined,
    ],
    ['left by a run that it is about', { ...want, allow: ['X'] }, { claim }, undefined],
    ['left by a run about the same', { ...want, allow: ['W'] }, { claim }, undefined],
    ['left by another, to be broken', { ...want, breaks: 'X' }, { claim }, undefined],
    ['left by another than is to be broken', { ...want, breaks: 'W' }, { claim }, 'break-wrong-run'],
    ['free, and something is to be broken', { ...want, breaks: 'X' }, {}, undefined],
  ] as const)('%s', (_what, wanting, more, code) => {
    let thrown: unknown;
    try {
      mayTake(wanting, state(more as Partial<LockState>), 'main', 'barman');
    } catch (error) {
      thrown = error;
    }
    if (code === undefined) expect(thrown).toBeUndefined();
    else expect(thrown).toMatchObject({ kind: 'refused', code });
  });
});

describe('an age', () => {
  it('is that of the clock which ran further: a machine that slept, or a clock that was set', () => {
    const now = { steady: 0, wall: 0 };
    const age = new Age({ steady: () => now.steady, wall: () => now.wall });
    now.steady = 10;
    now.wall = 60_000;
    expect(age.ms()).toBe(60_000);
    now.steady = 70_000;
    now.wall = -5_000;
    expect(age.ms()).toBe(70_000);
  });
});
