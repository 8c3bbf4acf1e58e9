/** What one look at a member on its way back has shown. */
export interface RejoinLook {
  /** What still keeps it from being proved, in words. */
  readonly flaws: readonly string[];
  /** Bytes of WAL since the beginning. */
  readonly received?: number | undefined;
  readonly replayed?: number | undefined;
  /** How much its copy holds, in KiB; only while one is under way. */
  readonly copiedKib?: number | undefined;
  /** What a server that has been started on the copy replays, in its own words. */
  readonly replays?: string | undefined;
  /** A server has been started on the copy: what it holds shrinks when WAL has been replayed. */
  readonly started?: boolean | undefined;
}

/** How a member gets on: `stalled` when nothing new is seen, `starts-over` when its copy breaks off again and again. */
export type RejoinVerdict = 'goes-on' | 'stalled' | 'starts-over';

/** A copy may break off, and begin again by itself, so often. */
const COPIES = 5;

/**
 * Tells a member that comes back slowly from one that does not come back. Patroni tries a copy that fails again and
 * again for ever, and its states come and go meanwhile: only what has not been seen before counts as progress.
 */
export class RejoinProgress {
  readonly #stallMs: number;
  readonly #seen = new Set<string>();
  #movedAt: number;
  #copiedKib = 0;
  #copies = 1;

  /** Times in milliseconds of one clock. */
  constructor(stallMs: number, now: number) {
    this.#stallMs = stallMs;
    this.#movedAt = now;
  }

  /** How many copies have been seen to begin. */
  get copies(): number {
    return this.#copies;
  }

  saw(look: RejoinLook, now: number): RejoinVerdict {
    const { flaws, received, replayed, replays, copiedKib } = look;
    const mark = JSON.stringify([flaws, received, replayed, replays]);
    if (!this.#seen.has(mark) || (copiedKib ?? 0) > this.#copiedKib) this.#movedAt = now;
    this.#seen.add(mark);
    // What was not measured is not a copy that begins anew. What a server has let go of is none either, and what it writes
    // in that place is nothing new.
    if (copiedKib !== undefined && (look.started !== true || copiedKib > this.#copiedKib)) {
      if (copiedKib < this.#copiedKib) this.#copies += 1;
      this.#copiedKib = copiedKib;
    }
    if (this.#copies > COPIES) return 'starts-over';
    return now - this.#movedAt >= this.#stallMs ? 'stalled' : 'goes-on';
  }
}
