/** How many characters of a text it is found by; texts are at least so long. */
export const KEY_LENGTH = 4;

/**
 * Finds any of many texts inside another one in one pass: a hundred secrets have some thousand forms, and every line that
 * is shown is searched for all of them.
 */
export class FindTexts {
  readonly #byStart = new Map<string, string[]>();
  readonly #byEnd = new Map<string, string[]>();
  /** The beginnings that are shorter than a key. */
  readonly #shortStarts = new Set<string>();
  #longest = 0;

  /** Shorter ones than `KEY_LENGTH` are left out. */
  constructor(texts: Iterable<string>) {
    for (const text of [...texts].sort((a, b) => b.length - a.length)) {
      if (text.length < KEY_LENGTH) continue;
      this.#longest = Math.max(this.#longest, text.length);
      put(this.#byStart, text.slice(0, KEY_LENGTH), text);
      put(this.#byEnd, text.slice(-KEY_LENGTH), text);
      for (let length = 1; length < KEY_LENGTH; length++) this.#shortStarts.add(text.slice(0, length));
    }
  }

  /** Those that stand in a text, in order; of several that begin at one place the longest. */
  *foundIn(text: string): Generator<{ readonly found: string; readonly at: number }> {
    for (let at = 0; at + KEY_LENGTH <= text.length; at++) {
      const found = this.#byStart
        .get(text.slice(at, at + KEY_LENGTH))
        ?.find((one) => text.startsWith(one, at));
      if (found === undefined) continue;
      yield { found, at };
      at += found.length - 1;
    }
  }

  replaceIn(text: string, by: string): string {
    let out = '';
    let from = 0;
    for (const { found, at } of this.foundIn(text)) {
      out += text.slice(from, at) + by;
      from = at + found.length;
    }
    return from === 0 ? text : out + text.slice(from);
  }

  /** How much of a text can be told before its next piece is there: no further than to what may yet become one of them. */
  settledIn(text: string): number {
    const end = text.length - this.begunAtEnd(text);
    for (const { found, at } of this.foundIn(text)) if (at < end && at + found.length > end) return at;
    return end;
  }

  /** How many characters at the end of a text are the beginning of one of them, which is not yet whole. */
  begunAtEnd(text: string): number {
    for (let at = Math.max(0, text.length - this.#longest + 1); at < text.length; at++) {
      const end = text.slice(at);
      const begun =
        end.length < KEY_LENGTH
          ? this.#shortStarts.has(end)
          : this.#byStart
              .get(end.slice(0, KEY_LENGTH))
              ?.some((one) => one.length > end.length && one.startsWith(end));
      if (begun === true) return end.length;
    }
    return 0;
  }

  /** How many characters at the start of a text are the end of one of them; fewer than `KEY_LENGTH` do not count. */
  endedAtStart(text: string): number {
    for (let length = Math.min(text.length, this.#longest - 1); length >= KEY_LENGTH; length--) {
      const start = text.slice(0, length);
      if (
        this.#byEnd.get(start.slice(-KEY_LENGTH))?.some((one) => one.length > length && one.endsWith(start))
      )
        return length;
    }
    return 0;
  }
}

function put(index: Map<string, string[]>, key: string, text: string): void {
  const known = index.get(key);
  if (known === undefined) index.set(key, [text]);
  else known.push(text);
}
