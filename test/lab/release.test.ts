import { describe, expect, it } from 'vitest';
import { releaseFrom } from '../../lab/release.ts';

describe('the release of Debian that a lab is made of', () => {
  it("is bookworm where nothing is said, with that release's PostgreSQL", () => {
    expect(releaseFrom({})).toEqual({ debian: 'bookworm', postgres: 15 });
  });

  it('is the one that PITR_LAB_RELEASE names', () => {
    expect(releaseFrom({ PITR_LAB_RELEASE: 'trixie' })).toEqual({ debian: 'trixie', postgres: 17 });
  });

  it('is refused with those that there are, where it is none of them', () => {
    expect(() => releaseFrom({ PITR_LAB_RELEASE: 'jessie' })).toThrow('bookworm, trixie, forky');
  });
});
