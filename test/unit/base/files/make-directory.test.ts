import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { makeDirectory } from '../../../../lib/base/files/make-directory.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'pitr-made-'));
});
afterEach(() => rmSync(place, { recursive: true }));

it('a directory is made with all that is missing above it, for its user alone, and the first of them is told', () => {
  expect(makeDirectory(join(place, 'a/b/c'))).toBe(join(place, 'a'));
  expect(statSync(join(place, 'a')).mode & 0o777).toBe(0o700);
  expect(makeDirectory(join(place, 'a/b/c'))).toBeUndefined();
  expect(makeDirectory(join(place, 'a/b/d'))).toBe(join(place, 'a/b/d'));
});

it('a file in the place of one of them is told', () => {
  writeFileSync(join(place, 'file'), '');
  expect(() => makeDirectory(join(place, 'file'))).toThrow('EEXIST');
  expect(() => makeDirectory(join(place, 'file/deep'))).toThrow('ENOTDIR');
});

it('where the system makes nothing, in a directory that is there, this ends', () => {
  expect(() => makeDirectory('/proc/self/pitr/runs')).toThrow('ENOENT');
});
