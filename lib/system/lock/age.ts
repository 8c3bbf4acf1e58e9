/**
 * How long ago something was, by the clock that ran further. The steady clock stands still while the machine sleeps
 * (CLOCK_MONOTONIC, clock_gettime(2)); the wall clock does not, but can be set. An age that is too high costs a
 * question; one that is too low would cost the proof.
 */
export class Age {
  readonly #steady: number;
  readonly #wall: number;
  readonly #clocks: Clocks;

  constructor(clocks: Clocks = CLOCKS) {
    this.#clocks = clocks;
    this.#steady = clocks.steady();
    this.#wall = clocks.wall();
  }

  ms(): number {
    return Math.max(this.#clocks.steady() - this.#steady, this.#clocks.wall() - this.#wall);
  }
}

export interface Clocks {
  steady(): number;
  wall(): number;
}

const CLOCKS: Clocks = { steady: () => performance.now(), wall: () => Date.now() };
