import { randomBytes } from 'node:crypto';

/** Never part of a nonce, so a mark can begin at only one place in any piece of output. */
const START = 0x1e;
/** Longest text between nonce and end of line; a mark holds a word and a number. */
const MAX_WORDS = 64;
const NOTHING = Buffer.alloc(0);

/** A fresh name for one frame. Commands never get to see it, so no output can pretend to be its end. */
export function newNonce(): string {
  return randomBytes(16).toString('hex');
}

/** The `sh` text that prints a mark. `words` is put into a double-quoted printf argument: `$?` and `$$` work. */
export function printMark(nonce: string, words: string): string {
  return `printf '\\036${nonce} %s\\n' "${words}"`;
}

/**
 * Finds marks in a stream of bytes, wherever the chunks are cut, and hands on all else untouched. Bytes are held
 * back only while they may be the beginning of a mark.
 */
export class MarkScanner {
  readonly #onData: (chunk: Buffer) => void;
  readonly #onMark: (words: string) => void;
  #pattern: Buffer | undefined;
  #held: Buffer = NOTHING;

  constructor(onData: (chunk: Buffer) => void, onMark: (words: string) => void) {
    this.#onData = onData;
    this.#onMark = onMark;
  }

  /** The nonce whose mark is looked for from here on; without one everything is data. May be called in `onMark`. */
  expect(nonce: string | undefined): void {
    this.#pattern = nonce === undefined ? undefined : Buffer.from(`\x1e${nonce} `, 'latin1');
  }

  push(chunk: Buffer): void {
    let rest = this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = NOTHING;
    while (rest.length > 0) {
      const pattern = this.#pattern;
      const at = pattern === undefined ? -1 : rest.indexOf(pattern);
      if (pattern === undefined || at === -1) {
        this.#emitAndHold(rest, rest.length - tailLength(rest, pattern));
        return;
      }
      const wordsAt = at + pattern.length;
      const end = rest.indexOf(0x0a, wordsAt);
      if (end === -1 && rest.length - wordsAt <= MAX_WORDS) {
        this.#emitAndHold(rest, at);
        return;
      }
      if (at > 0) this.#onData(rest.subarray(0, at));
      const words = rest.toString('latin1', wordsAt, end === -1 ? wordsAt + MAX_WORDS : end);
      rest = end === -1 ? NOTHING : rest.subarray(end + 1);
      this.#onMark(words);
    }
  }

  /** The stream has ended: what was held back was no mark. */
  flush(): void {
    const held = this.#held;
    this.#held = NOTHING;
    if (held.length > 0) this.#onData(held);
  }

  #emitAndHold(bytes: Buffer, count: number): void {
    this.#held = bytes.subarray(count);
    if (count > 0) this.#onData(bytes.subarray(0, count));
  }
}

/** How many bytes at the end may be the beginning of the pattern. */
function tailLength(bytes: Buffer, pattern: Buffer | undefined): number {
  if (pattern === undefined) return 0;
  const at = bytes.lastIndexOf(START);
  if (at === -1) return 0;
  const length = bytes.length - at;
  return length < pattern.length && pattern.compare(bytes, at, bytes.length, 0, length) === 0 ? length : 0;
}
