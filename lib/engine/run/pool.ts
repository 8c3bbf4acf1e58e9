/** Runs `work` for every item, at most `limit` at once, and gives the results in the order of the items. */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const index = next++;
      const item = items[index];
      if (item !== undefined) results[index] = await work(item);
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  return results;
}

/**
 * Hands on what hosts finish in whatever order they finish, in the order of the hosts: what a run prints does not
 * depend on which host was faster, so that two runs can be compared line by line.
 */
export class InOrder<T> {
  readonly #waiting: (T | undefined)[];
  readonly #handle: (index: number, value: T) => readonly string[];
  readonly #results: string[] = [];
  #next = 0;

  constructor(count: number, handle: (index: number, value: T) => readonly string[]) {
    this.#waiting = Array.from({ length: count }, () => undefined);
    this.#handle = handle;
  }

  put(index: number, value: T): void {
    this.#waiting[index] = value;
    for (let ready = this.#waiting[this.#next]; ready !== undefined; ready = this.#waiting[this.#next]) {
      this.#waiting[this.#next] = undefined;
      this.#results.push(...this.#handle(this.#next, ready));
      this.#next++;
    }
  }

  /** What the handler gave, in order. */
  results(): readonly string[] {
    return this.#results;
  }
}
