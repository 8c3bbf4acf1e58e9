import { describe, expect, it } from 'vitest';
import { parsePathState } from '../../../../lib/system/fs/path-resource.ts';

const answer = (stdout: string, exitCode = 0, stderr = '') => ({ exitCode, stdout, stderr });

describe('what is at a path', () => {
  it.each([
    ['nothing', 'absent\n', { kind: 'absent' }],
    [
      'a file with its hash',
      `81a0 640 5 1700000000 26 27 postgres:postgres\n${'a'.repeat(64)}\n`,
      {
        kind: 'file',
        mode: 0o640,
        size: 5,
        mtime: 1700000000,
        uid: 26,
        gid: 27,
        owner: 'postgres',
        group: 'postgres',
        sha256: 'a'.repeat(64),
      },
    ],
    [
      'a file that may not be read or is too big',
      '8180 600 99999999999 1700000000 0 0 root:root\n',
      {
        kind: 'file',
        mode: 0o600,
        size: 99999999999,
        mtime: 1700000000,
        uid: 0,
        gid: 0,
        owner: 'root',
        group: 'root',
      },
    ],
    [
      'a sticky directory of an owner without a name',
      '43ff 1777 4096 -5 1234 0 UNKNOWN:root\n',
      {
        kind: 'directory',
        mode: 0o1777,
        size: 4096,
        mtime: -5,
        uid: 1234,
        gid: 0,
        owner: '1234',
        group: 'root',
      },
    ],
    [
      'a directory whose owner and group have blanks in their names, as those of a domain have',
      '41ed 755 4096 5 1234 1235 EXAMPLE\\db admin:domain users\n',
      {
        kind: 'directory',
        mode: 0o755,
        size: 4096,
        mtime: 5,
        uid: 1234,
        gid: 1235,
        owner: 'EXAMPLE\\db admin',
        group: 'domain users',
      },
    ],
    [
      'a link whose target has line breaks',
      'a1ff 777 4 1700000000 0 0 root:root\na\nb\n\n',
      {
        kind: 'symlink',
        mode: 0o777,
        size: 4,
        mtime: 1700000000,
        uid: 0,
        gid: 0,
        owner: 'root',
        group: 'root',
        target: 'a\nb\n',
      },
    ],
    [
      'a socket',
      'c1ed 755 0 1700000000 0 0 root:root\n',
      {
        kind: 'other',
        mode: 0o755,
        size: 0,
        mtime: 1700000000,
        uid: 0,
        gid: 0,
        owner: 'root',
        group: 'root',
      },
    ],
  ])('%s', (_what, stdout, expected) => {
    expect(parsePathState('/x', answer(stdout))).toEqual(expected);
  });

  it('what may not be looked at is a failure, never "absent"', () => {
    const told = answer('', 3, "stat: cannot statx '/root/x': Permission denied\n");
    expect(() => parsePathState('/root/x', told)).toThrow(
      expect.objectContaining({
        kind: 'failed',
        code: 'path-unreadable',
        evidence: expect.objectContaining({ stderr: expect.stringContaining('Permission denied') }),
      }),
    );
  });
});
