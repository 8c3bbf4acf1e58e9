const DEFAULT_MAX_BYTES = 16 * 1024 * 1024;

/** Collects a stream of bytes up to a limit. What is over is dropped from the middle: both ends tell the most. */
export class Capture {
  readonly #half: number;
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #dropped = 0;

  constructor(maxBytes: number = DEFAULT_MAX_BYTES) {
    this.#half = Math.max(1, Math.floor(maxBytes / 2));
  }

  push(chunk: Uint8Array): void {
    let rest = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const room = this.#half - this.#headBytes;
    if (room > 0) {
      const first = rest.subarray(0, room);
      this.#head.push(first);
      this.#headBytes += first.length;
      rest = rest.subarray(first.length);
    }
    if (rest.length === 0) return;
    this.#tail.push(rest);
    this.#tailBytes += rest.length;
    // Trimmed only at twice the limit, so that long output is not copied again with every chunk.
    if (this.#tailBytes > 2 * this.#half) this.#trim();
  }

  get truncated(): boolean {
    return this.#dropped > 0 || this.#tailBytes > this.#half;
  }

  bytes(): Buffer {
    if (!this.truncated) return Buffer.concat([...this.#head, ...this.#tail]);
    this.#trim();
    const note = Buffer.from(`\n[... ${this.#dropped} bytes dropped here ...]\n`);
    return Buffer.concat([...this.#head, note, ...this.#tail]);
  }

  /** Decoded as UTF-8 at the end, so a character cut between two chunks stays whole. */
  text(): string {
    return this.bytes().toString('utf8');
  }

  #trim(): void {
    const all = Buffer.concat(this.#tail);
    const kept = all.subarray(Math.max(0, all.length - this.#half));
    this.#dropped += all.length - kept.length;
    this.#tail = [kept];
    this.#tailBytes = kept.length;
  }
}
