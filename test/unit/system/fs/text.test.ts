import { describe, expect, it } from 'vitest';
import { asText, contentDiff, formatBytes, parseBytes, SMALL_BYTES } from '../../../../lib/system/fs/text.ts';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('content in a diff', () => {
  it('is shown when both sides are small text', () => {
    expect(
      contentDiff(
        'a',
        { size: 4, sha256: 'x', bytes: bytes('old\n') },
        { size: 4, sha256: 'y', bytes: bytes('new\n') },
      ),
    ).toEqual({
      subject: 'a',
      before: 'old\n',
      after: 'new\n',
    });
  });

  it.each([
    ['binary', new Uint8Array([0, 1, 2])],
    ['not UTF-8', new Uint8Array([0xc3, 0x28])],
    ['too big', new Uint8Array(SMALL_BYTES + 1).fill(97)],
    ['not read', undefined],
  ])('is told by size and hash when one side is %s', (_why, data) => {
    const diff = contentDiff(
      'a',
      { size: 3, sha256: 'abc', ...(data === undefined ? {} : { bytes: data }) },
      { size: 4, sha256: 'y', bytes: bytes('new\n') },
    );
    expect(diff).toEqual({ subject: 'a', before: '(3 bytes, sha256 abc)\n', after: '(4 bytes, sha256 y)\n' });
  });

  it.each([
    ['plain ASCII\n\tand tabs\r\n', true],
    ['\u00fcml\u00e4ut \u2603', true],
    ['\u001b[31mcolour', true],
    ['bell\u0007', false],
    ['\ufeffwith a mark', true],
  ])('takes %j for text: %s', (text, expected) => {
    expect(asText(bytes(text))).toBe(expected ? text : undefined);
  });
});

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
  ])('%d is shown as %s', (size, expected) => {
    expect(formatBytes(size)).toBe(expected);
  });
});
