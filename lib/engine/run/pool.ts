/**
 * Runs `work` for every item, at most `limit` at once, and gives the results in the order of the items. When one throws, no
 * further one is begun; those at work are waited for, so that nothing goes on behind the back of whoever catches it.
 */
export async function inParallel<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let failure: { readonly thrown: unknown } | undefined;
  const worker = async (): Promise<void> => {
    while (next < items.length && failure === undefined) {
      const index = next++;
      const item = items[index];
      if (item === undefined) continue;
      try {
        results[index] = await work(item);
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, worker));
  if (failure !== undefined) throw failure.thrown;
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

  /** A handler that throws keeps none of the others from being handed on. */
  put(index: number, value: T): void {
    this.#waiting[index] = value;
    let failure: { readonly thrown: unknown } | undefined;
    for (let ready = this.#waiting[this.#next]; ready !== undefined; ready = this.#waiting[this.#next]) {
      const at = this.#next++;
      this.#waiting[at] = undefined;
      try {
        this.#results.push(...this.#handle(at, ready));
      } catch (thrown) {
        failure ??= { thrown };
      }
    }
    if (failure !== undefined) throw failure.thrown;
  }

  /** What the handler gave, in order. */
  results(): readonly string[] {
    return this.#results;
  }
}
