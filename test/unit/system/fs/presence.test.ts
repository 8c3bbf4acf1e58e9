import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PRESENCE } from '../../../../lib/system/fs/presence.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-presence-'));
  await writeFile(join(directory, 'file'), '');
});

afterAll(() => rm(directory, { recursive: true }));

/** What `presence` answers for a path, after other lines of sh. */
function presence(path: string, before = ''): number | null {
  return spawnSync('sh', ['-c', `${PRESENCE}\n${before}\npresence "$1"`, 'sh', path]).status;
}

describe('presence', () => {
  it('tells what is there from what is not', () => {
    expect(presence(join(directory, 'file'))).toBe(0);
    expect(presence(join(directory, 'none'))).toBe(1);
    expect(presence(join(directory, 'file', 'below'))).toBe(1);
  });

  it('takes a file that comes between its two looks for one that is there', () => {
    const path = join(directory, 'comes');
    expect(presence(path, 'stat() { : >"$2"; command stat "$@"; }')).toBe(0);
  });

  it.each([
    ['No such file or directory', 2],
    ['Not a directory', 20],
  ])('knows the words of uutils, as Ubuntu has them: %s', (words, number) => {
    const saying = (path: string) =>
      `stat() { echo "stat: cannot stat '${path}': ${words} (os error ${number})" >&2; return 1; }`;
    expect(presence(join(directory, 'none'), saying('none'))).toBe(1);
  });

  it('cannot tell where stat does not say that nothing is there', () => {
    const path = join(directory, 'none: No such file or directory');
    expect(presence(path, 'stat() { echo "stat: $2: Permission denied" >&2; return 1; }')).toBe(2);
    const uutils = `stat() { echo "stat: cannot stat 'none (os error 2)': Permission denied (os error 13)" >&2; return 1; }`;
    expect(presence(path, uutils)).toBe(2);
    expect(presence(join(directory, 'is there'), 'stat() { return 127; }')).toBe(2);
  });
});
