import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { releaseFrom } from '../../lab/release.ts';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

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

  it.each([
    ['lab', 'main.ts', ['status'], 2],
    ['demo', 'demo.ts', [], 1],
  ])('%s refuses it in one line', (name, file, words, exitCode) => {
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', TSX, join(import.meta.dirname, '../../lab', file), ...words],
      { env: { ...process.env, PITR_LAB_RELEASE: 'jessie' }, encoding: 'utf8' },
    );
    expect({ status, stdout, stderr }).toEqual({
      status: exitCode,
      stdout: '',
      stderr: `${name}: PITR_LAB_RELEASE is "jessie", and a lab can be made of: bookworm, trixie, forky\n`,
    });
  });
});
