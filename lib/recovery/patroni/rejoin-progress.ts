/** What one look at a member on its way back has shown. */
export interface RejoinLook {
  /** What still keeps it from being proved, in words. */
  readonly flaws: readonly string[];
  /** Bytes of WAL since the beginning. */
  readonly received?: number | undefined;
  readonly replayed?: number | undefined;
  /** How much its copy holds, in KiB; only while one is under way. */
  readonly copiedKib?: number | undefined;
  /** Nothing of it has come: no file, and no WAL. */
  readonly empty?: boolean | undefined;
  /** Patroni says that it is at the copy. */
  readonly creates?: boolean | undefined;
  /** How much its file systems hold, of whomever, where there was no time to measure it. */
  readonly usedKib?: number | undefined;
  /** How much of that a server that has been started on the copy has logged there. */
  readonly logKib?: number | undefined;
  /** What a server that has been started on the copy replays, in its own words. */
  readonly replays?: string | undefined;
  /** Bytes of the WAL file that its server fetches. */
  readonly fetchedBytes?: number | undefined;
  /** Its copy has not begun, and waits for what the leader does. */
  readonly waits?: boolean | undefined;
  /** A server has been started on the copy: what it holds shrinks when WAL has been replayed. */
  readonly started?: boolean | undefined;
}

/** How a member gets on: `stalled` when nothing new is seen, `starts-over` when its copy breaks off again and again. */
export type RejoinVerdict = 'goes-on' | 'stalled' | 'starts-over';

/** A copy may break off, and begin again by itself, so often. */
const COPIES = 5;

/** A checkpoint may be spread over `checkpoint_timeout`, a day at most and minutes as a rule; the copies of others take longer. */
const LONGEST_WAIT_MS = 3_600_000;

/** A process that replays names the segment, unless it is told not to (`update_process_title`). */
const NAMES_SEGMENT = /[0-9A-F]{24}/;

/**
 * Tells a member that comes back slowly from one that does not come back. Patroni tries a copy that fails again and
 * again for ever, and its states come and go meanwhile: only what has not been seen before counts as progress.
 */
export class RejoinProgress {
  readonly #stallMs: number;
  readonly #seen = new Set<string>();
  /** The most that was fetched of one WAL file. */
  readonly #fetched = new Map<string, number>();
  #movedAt: number;
  #copiedKib = 0;
  #heldKib = 0;
  #usedKib = 0;
  #logs = false;
  #copies = 1;
  #waited = false;
  /** Since when it has waited for the leader, and nothing has come. */
  #waitsSince: number | undefined;

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
    // One that is refused until the leader has a sender for it makes its directory, and removes it: that is no copy broken off.
    if (this.#waits(look, now)) {
      this.#movedAt = now;
      return 'goes-on';
    }
    const { flaws, received, replayed, replays } = look;
    const mark = JSON.stringify([flaws, received, replayed, replays]);
    const grows = this.#grows(look);
    const fetches = this.#fetches(look);
    if (!this.#seen.has(mark) || grows || fetches) this.#movedAt = now;
    if (grows && look.empty !== true) this.#waitsSince = undefined;
    this.#seen.add(mark);
    if (this.#copies > COPIES) return 'starts-over';
    return now - this.#movedAt >= this.#stallMs ? 'stalled' : 'goes-on';
  }

  /** Whether it waits for the leader; not for ever. One that has waited, and of which nothing has come, was broken off. */
  #waits({ waits = false, empty }: RejoinLook, now: number): boolean {
    if (this.#waited && !waits && empty === true) this.#copies += 1;
    this.#waited = waits;
    if (!waits) return false;
    this.#waitsSince ??= now;
    return now - this.#waitsSince < LONGEST_WAIT_MS && this.#copies <= COPIES;
  }

  /**
   * Whether more of one WAL file is there than ever; keeps how much. A fetch that fails begins again and again. Where nothing
   * names the file, it is the one that follows the position at which replay stands meanwhile.
   */
  #fetches({ fetchedBytes = 0, replays = '', replayed }: RejoinLook): boolean {
    const file = NAMES_SEGMENT.exec(replays)?.[0] ?? String(replayed);
    const most = this.#fetched.get(file) ?? 0;
    if (fetchedBytes > most) this.#fetched.set(file, fetchedBytes);
    return fetchedBytes > most;
  }

  /** Whether the copy holds more than ever; keeps what it holds. */
  #grows({ copiedKib, usedKib, creates, logKib, started = false, replays = '' }: RejoinLook): boolean {
    // What was not measured is not a copy that begins anew. Others write there, too, and a server its log.
    if (copiedKib === undefined) return creates === true && this.#fills(usedKib);
    // A server that cannot come up writes into its log for ever.
    const heldKib = copiedKib - (logKib ?? 0);
    const comparable = logKib === undefined || this.#logs;
    this.#logs = logKib !== undefined;
    const grows = comparable && heldKib > this.#heldKib;
    const anew = !started && copiedKib < this.#copiedKib;
    if (anew) this.#copies += 1;
    // What a server has let go of is no copy that begins anew, and what it writes in that place is nothing new.
    if (!started || copiedKib > this.#copiedKib) this.#copiedKib = copiedKib;
    if (grows || anew || !comparable) this.#heldKib = heldKib;
    return grows && !(started && NAMES_SEGMENT.test(replays));
  }

  /** Whether more is used than at the last such look: what others remove there takes nothing from the copy. */
  #fills(usedKib: number | undefined): boolean {
    if (usedKib === undefined) return false;
    const fills = usedKib > this.#usedKib;
    this.#usedKib = usedKib;
    return fills;
  }
}
