import { describe, expect, it } from 'vitest';
import { asText, contentDiff, SMALL_BYTES } from '../../../../lib/system/fs/text.ts';

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
