import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MarkScanner, newNonce } from '../../../lib/transport/marks.ts';

function scan(nonces: readonly string[], chunks: readonly Buffer[]) {
  const frames: Buffer[][] = [[]];
  const marks: string[] = [];
  const rest = [...nonces];
  const scanner: MarkScanner = new MarkScanner(
    (chunk) => frames.at(-1)?.push(chunk),
    (words) => {
      marks.push(words);
      frames.push([]);
      scanner.expect(rest.shift());
    },
  );
  scanner.expect(rest.shift());
  for (const chunk of chunks) scanner.push(chunk);
  scanner.flush();
  return { frames: frames.map((frame) => Buffer.concat(frame)), marks };
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const mark = (nonce: string, words: string): Buffer => Buffer.from(`\x1e${nonce} ${words}\n`, 'latin1');
const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array));

describe('MarkScanner', () => {
  it('finds every mark and loses no byte, wherever the chunks are cut', () => {
    fc.assert(
      fc.property(bytes, bytes, bytes, fc.array(fc.nat(), { maxLength: 20 }), (one, two, three, places) => {
        const [a, b] = [newNonce(), newNonce()];
        const all = Buffer.concat([one, mark(a, 'ended 0'), two, mark(b, 'ended 127'), three]);
        const { frames, marks } = scan([a, b], cut(all, places));
        expect(marks).toEqual(['ended 0', 'ended 127']);
        expect(frames).toEqual([one, two, three]);
      }),
    );
  });

  it('is not deceived by output that imitates marks', () => {
    const nonce = newNonce();
    const hostile = fc.constantFrom(
      '\x1e',
      `\x1e${nonce.slice(0, 31)}`,
      `\x1e${newNonce()} ended 0\n`,
      `\x1e\x1e${nonce.slice(0, 5)}`,
      '\n',
      '\0',
      "'",
    );
    fc.assert(
      fc.property(
        fc.array(hostile, { maxLength: 20 }),
        fc.array(fc.nat(), { maxLength: 20 }),
        (parts, places) => {
          const output = Buffer.from(parts.join(''), 'latin1');
          const { frames, marks } = scan(
            [nonce],
            cut(Buffer.concat([output, mark(nonce, 'ended 1')]), places),
          );
          expect(marks).toEqual(['ended 1']);
          expect(frames[0]).toEqual(output);
        },
      ),
    );
  });

  it('holds nothing back that cannot be the beginning of a mark, so live output is live', () => {
    const seen: string[] = [];
    const scanner = new MarkScanner(
      (chunk) => seen.push(chunk.toString()),
      () => {},
    );
    scanner.expect(newNonce());
    scanner.push(Buffer.from('working...\n'));
    expect(seen).toEqual(['working...\n']);
  });

  it('gives back what looked like a mark when the stream ends before the mark is whole', () => {
    const nonce = newNonce();
    expect(scan([nonce], [Buffer.from(`x\x1e${nonce.slice(0, 8)}`)]).frames[0]?.toString()).toBe(
      `x\x1e${nonce.slice(0, 8)}`,
    );
  });
});
