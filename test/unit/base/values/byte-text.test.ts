import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesOf, byteText } from '../../../../lib/base/values/byte-text.ts';

const again = (bytes: Uint8Array) => Buffer.from(bytesOf(byteText(bytes)));

describe('text of bytes', () => {
  it('is what it says where it is UTF-8, with its byte order mark', () => {
    for (const text of ['', 'plain', 'déjà 🐘', '\ufeffmarked'])
      expect([byteText(Buffer.from(text)), bytesOf(text)]).toEqual([text, text]);
  });

  it('leaves the characters around a byte that is none', () => {
    const bytes = Buffer.concat([Buffer.from('é '), Buffer.from([0xe9]), Buffer.from(' 🐘')]);
    expect(byteText(bytes)).toBe('é \udce9 🐘');
    expect(again(bytes)).toEqual(bytes);
  });

  it('comes back as the very bytes, whatever they are', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.array(fc.constantFrom(0x0a, 0x41, 0x80, 0xa9, 0xbf, 0xc3, 0xe2, 0xed, 0xf0, 0x9f), {
        maxLength: 12,
      }),
    );
    fc.assert(
      fc.property(bytes, (drawn) => {
        expect(again(Uint8Array.from(drawn))).toEqual(Buffer.from(drawn));
      }),
    );
  });

  it('goes through JSON, as through a journal', () => {
    const text = byteText(Buffer.from([0x61, 0xff, 0x62]));
    expect(Buffer.from(bytesOf(JSON.parse(JSON.stringify(text))))).toEqual(Buffer.from([0x61, 0xff, 0x62]));
  });
});
