import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Capture } from '../../../lib/transport/capture.ts';

function captured(chunks: readonly (string | Uint8Array)[], limit?: number): Capture {
  const capture = new Capture(limit);
  for (const chunk of chunks) capture.push(Buffer.from(chunk));
  return capture;
}

describe('Capture', () => {
  it('keeps output under the limit as it is', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }), (chunks) => {
        expect(captured(chunks, 4000).bytes()).toEqual(Buffer.concat(chunks));
      }),
    );
  });

  it('drops from the middle and says how much, whatever the chunks', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'grapheme-ascii', maxLength: 50 }), { maxLength: 60 }),
        (chunks) => {
          const all = chunks.join('');
          fc.pre(all.length > 20);
          expect(captured(chunks, 20).text()).toBe(
            `${all.slice(0, 10)}\n[... ${all.length - 20} bytes dropped here ...]\n${all.slice(-10)}`,
          );
        },
      ),
    );
  });

  it('decodes a character whole that two chunks cut in half', () => {
    const bytes = Buffer.from('größe');
    expect(captured([bytes.subarray(0, 3), bytes.subarray(3)]).text()).toBe('größe');
  });
});
