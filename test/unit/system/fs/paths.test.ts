import { describe, expect, it } from 'vitest';
import { Unknown, UnknownReached } from '../../../../lib/base/values/unknown.ts';
import { known } from '../../../../lib/contract/known.ts';
import { absolutePath, besidePath, depthOf, destinationPath } from '../../../../lib/system/fs/paths.ts';

describe('paths on hosts', () => {
  it.each([
    ['/a/b', '/a/b'],
    ['/a/b/', '/a/b'],
    ['//a//b', '/a/b'],
    ['/a/./b', '/a/b'],
    ['/', '/'],
    ['/a b/ü', '/a b/ü'],
    ['/a..b', '/a..b'],
  ])('%s is %s', (given, expected) => {
    expect(absolutePath.parse(given)).toBe(expected);
  });

  it.each(['', 'a/b', '~/a', '/a/../b', '/a/..', '/a\0b'])('refuses %j', (path) => {
    expect(absolutePath.safeParse(path).success).toBe(false);
  });

  it('keeps the slash of a destination, which says that a directory is meant', () => {
    expect(destinationPath.parse('/etc/')).toBe('/etc/');
  });

  it('hides what is kept beside its original', () => {
    expect(besidePath('/var/lib/data', 'r1')).toBe('/var/lib/.data.pitr-r1');
    expect(besidePath('/data', 'r1', '-ab')).toBe('/.data.pitr-r1-ab');
  });

  it.each([
    ['/', 0],
    ['/var', 1],
    ['/var/lib', 2],
    ['/var/lib/', 2],
  ])('%s is %d deep', (path, depth) => {
    expect(depthOf(path)).toBe(depth);
  });

  it('lets nothing be planned on what is not known', () => {
    expect(known(1)).toBe(1);
    expect(() => known(new Unknown('later'))).toThrow(UnknownReached);
  });
});
