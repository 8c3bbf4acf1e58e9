import { describe, expect, it } from 'vitest';
import { sourcesIn } from './sources.ts';

/** A program that is given a path, as it stands in a text, up to the hole in which something stands that the run knows. */
const GIVEN_A_PATH =
  /(?<!supervisorctl )\b(?:(?:ls|rm|mv|cp|cat|df|du|stat|mkdir|rmdir|touch|tail|mount|umount|pg_ctl|postgres)(?: -[\w-]+)*|chmod \d+|chown(?: -R)? [\w<>]+:[\w<>]*|patronictl -c) (?:\$\{(?:quote|commandLine)\([^}]*\} )*\$\{[\w.]+\}/;

describe('a command that pitr prints', () => {
  it('holds paths as a shell reads them: a space in one makes two of it', () => {
    const found = [...sourcesIn('lib'), ...sourcesIn('cli')].flatMap(({ file, text }) =>
      text
        .split('\n')
        .flatMap((line, at) => (GIVEN_A_PATH.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
    );
    expect(found).toEqual([]);
  });

  it.each([
    `rm -rf \${destination}`,
    `ls -ld \${src} \${dest}`,
    `ls -ld \${quote(src)} \${dest}`,
    `chown -R <user>: \${directory}`,
    `chmod 600 \${path}`,
  ])('is met with in %s', (line) => expect(line).toMatch(GIVEN_A_PATH));

  it('is not met with where it is quoted', () => {
    expect(`ls -ld \${quote(src)} \${quote(dest)}`).not.toMatch(GIVEN_A_PATH);
  });
});
