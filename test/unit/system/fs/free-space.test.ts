import { describe, expect, it } from 'vitest';
import { parseSpace } from '../../../../lib/system/fs/free-space.ts';

const answer = (stdout: string, stderr = '') => ({
  argv: ['df'],
  exitCode: 0,
  stdout,
  stderr,
  durationMs: 1,
  timedOut: false,
});

describe('the answer of df', () => {
  it.each([
    [
      'a plain file system',
      '/dev/sda1 102687672 41943040 55485712 44% /var/lib/postgresql\n/dev/sda1 6553600 200000 6353600 4% /var/lib/postgresql\n',
      {
        device: '/dev/sda1',
        mount: '/var/lib/postgresql',
        sizeBytes: 102687672 * 1024,
        freeBytes: 55485712 * 1024,
        freeInodes: 6353600,
      },
    ],
    [
      'blanks in the device and the mount point',
      '//nas/My Share 1000 400 600 40% /mnt/my share\n//nas/My Share 0 0 0 - /mnt/my share\n',
      { device: '//nas/My Share', mount: '/mnt/my share', sizeBytes: 1024000, freeBytes: 614400 },
    ],
    [
      'a file system without a limit of inodes',
      '/dev/sdb 1000 0 1000 0% /data\n/dev/sdb - - - - /data\n',
      { device: '/dev/sdb', mount: '/data', sizeBytes: 1024000, freeBytes: 1024000 },
    ],
  ])('of %s', (_what, stdout, expected) => {
    expect(parseSpace('/x', answer(stdout))).toEqual(expected);
  });

  it('that is none is a failure with its words, never "plenty"', () => {
    expect(() => parseSpace('/x', answer('', 'df: /x: Permission denied'))).toThrow(
      expect.objectContaining({
        code: 'space-unknown',
        evidence: expect.objectContaining({ stderr: 'df: /x: Permission denied' }),
      }),
    );
  });
});
