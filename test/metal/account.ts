/** How a journey on one kind of hosts has ended. */
interface Ended {
  readonly how: 'ok' | 'failed' | 'not ended';
  readonly seconds: number;
}

/** What was made of a table of journeys, for the end of the output. */
export class Account {
  readonly #ended = new Map<string, Ended>();

  /** Does it, and notes how it has ended and how long it took. One that its test gives up has not ended. */
  async of(variants: string, what: string, work: () => Promise<void>): Promise<void> {
    const key = keyOf(variants, what);
    const from = performance.now();
    const note = (how: Ended['how']): void => {
      this.#ended.set(key, { how, seconds: (performance.now() - from) / 1000 });
    };
    note('not ended');
    try {
      await work();
      note('ok');
    } catch (thrown) {
      note('failed');
      throw thrown;
    }
  }

  /** A line for each of the table: also for what was left out. */
  lines(table: readonly { readonly variants: string; readonly journeys: readonly string[] }[]): string[] {
    return table.flatMap(({ variants, journeys }) => [
      variants === '' ? 'the defaults' : variants,
      ...journeys.map((what) => `  ${words(this.#ended.get(keyOf(variants, what)))}  ${what}`),
    ]);
  }
}

function keyOf(variants: string, what: string): string {
  return `${variants}\n${what}`;
}

function words(ended: Ended | undefined): string {
  if (ended === undefined) return 'not made'.padEnd(18);
  return `${ended.how.padEnd(9)} ${ended.seconds.toFixed(0).padStart(6)} s`;
}
