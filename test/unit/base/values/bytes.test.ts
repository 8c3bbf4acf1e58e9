import { describe, expect, it } from 'vitest';
import { formatBytes, formatCopied, parseBytes } from '../../../../lib/base/values/bytes.ts';

describe('sizes', () => {
  it.each([
    ['0', 0],
    ['4096', 4096],
    ['10 GiB', 10 * 1024 ** 3],
    ['10GiB', 10 * 1024 ** 3],
    ['1.5 MiB', 1.5 * 1024 ** 2],
    ['500MB', 500_000_000],
    ['2G', 2 * 1024 ** 3],
    ['16 kB', 16_000],
    ['0.3 bytes', 1],
  ])('%s is %d bytes', (text, expected) => {
    expect(parseBytes(text)).toBe(expected);
  });

  it.each(['', 'GiB', '-1', '1,5 GiB', '10 gigs', '1e3', '0x10', '10 GiB free'])(
    '%j is not a size',
    (text) => {
      expect(parseBytes(text)).toBeUndefined();
    },
  );

  it.each([
    [0, '0 bytes'],
    [1023, '1023 bytes'],
    [1024, '1.0 KiB'],
    [1.5 * 1024 ** 3, '1.5 GiB'],
    [5 * 1024 ** 4, '5.0 TiB'],
  ])('%d is shown as %s', (size, expected) => {
    expect(formatBytes(size)).toBe(expected);
  });
});

it('what is copied never goes beyond a whole that was only an estimate', () => {
  const mib = 1024 ** 2;
  expect(formatCopied(12 * mib, 34.5 * mib)).toBe('12.0 MiB of about 34.5 MiB');
  expect(formatCopied(37.1 * mib, 34.5 * mib)).toBe('37.1 MiB');
  expect(formatCopied(12 * mib, undefined)).toBe('12.0 MiB');
});
