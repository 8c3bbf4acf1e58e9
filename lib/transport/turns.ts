/** As many at a time as there are slots (one, if nothing else is said), in order of asking. */
export class Turns {
  readonly #slots: number;
  #taken = 0;
  readonly #waiting: Array<() => void> = [];

  constructor(slots = 1) {
    this.#slots = slots;
  }

  /**
   * Waits for a turn and returns what gives it back. Undefined when none was free within `patienceMs`, or the signal
   * was aborted first.
   */
  take(
    options: { readonly patienceMs?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ) {
    return new Promise<(() => void) | undefined>((resolve) => {
      if (options.signal?.aborted) return resolve(undefined);
      if (this.#taken < this.#slots) return resolve(this.#lease());
      const begin = (): void => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', leave);
        resolve(this.#lease());
      };
      const leave = (): void => {
        const at = this.#waiting.indexOf(begin);
        if (at !== -1) this.#waiting.splice(at, 1);
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', leave);
        resolve(undefined);
      };
      const timer = options.patienceMs === undefined ? undefined : setTimeout(leave, options.patienceMs);
      options.signal?.addEventListener('abort', leave, { once: true });
      this.#waiting.push(begin);
    });
  }

  #lease(): () => void {
    this.#taken += 1;
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      this.#taken -= 1;
      if (this.#taken < this.#slots) this.#waiting.shift()?.();
    };
  }
}
