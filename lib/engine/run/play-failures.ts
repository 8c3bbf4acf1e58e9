import type { PitrError } from '../../base/errors/pitr-error.ts';
import { isLeftAtWork } from '../task/left-at-work.ts';
import type { RunState } from './run-state.ts';

/** Thrown to end a whole play (or run) at once; carries the error that decided it. */
export class PlayStopped extends Error {
  readonly error: PitrError | undefined;

  constructor(error: PitrError | undefined) {
    super(error?.message ?? 'the play ended');
    this.error = error;
  }

  /** Blocks rescue and clean up when a failure has stopped the play, not when a person has, or the playbook itself. */
  get byFailure(): boolean {
    return this.error !== undefined && this.error.kind !== 'interrupted';
  }
}

/** The stop of a play by a failure, or nothing where the work came to its end. */
export async function untilStopped(work: () => Promise<unknown>): Promise<PlayStopped | undefined> {
  try {
    await work();
    return undefined;
  } catch (thrown) {
    if (thrown instanceof PlayStopped && thrown.byFailure) return thrown;
    throw thrown;
  }
}

type Failures = ReadonlyMap<string, PitrError>;

/** What stood when an `always` began on a host. */
interface Standing {
  readonly failure: PitrError | undefined;
  readonly left: boolean;
}

/** Which hosts of a play have failed and were not rescued; what of it a resumed run has to know is in the journal. */
export class PlayFailures {
  readonly #run: RunState;
  readonly #failed = new Map<string, PitrError>();
  /** The host on which it failed: what runs once fails for all, and the journal has the result of that host alone. */
  readonly #at = new WeakMap<PitrError, string>();
  /** Hosts that were left out because another one failed: in the journal nothing counts of them from there on. */
  readonly #left = new Set<string>();
  /** Hosts on which a change may still be at work whose connection was lost: nothing goes on beside it. */
  readonly #atWork = new Set<string>();
  /** Hosts that are in the `block` of a block with `rescue`. */
  readonly #rescuable = new Set<string>();
  /** Hosts on which an `always` runs. */
  readonly #cleaning = new Map<string, Standing>();
  #first: PitrError | undefined;

  constructor(run: RunState) {
    this.#run = run;
  }

  get first(): PitrError | undefined {
    return this.#first;
  }

  /** How many hosts have failed for good. Where something may still be at work, nothing is rescued. */
  get lasting(): number {
    const hosts = [...this.#failed.keys()];
    return hosts.filter((host) => this.#atWork.has(host) || !this.#rescuable.has(host)).length;
  }

  of(host: string): PitrError | undefined {
    return this.#failed.get(host);
  }

  /** As it is now, for `since`. */
  now(): Failures {
    return new Map(this.#failed);
  }

  /** The hosts on which something has failed since, and was not rescued. */
  since(before: Failures, hosts: readonly string[]): readonly string[] {
    return hosts.filter((host) => this.#failed.get(host) !== before.get(host));
  }

  /** Something failed on `at`, which counts for all of `hosts`. */
  add(hosts: readonly string[], at: string, error: PitrError): void {
    this.#at.set(error, at);
    for (const host of hosts) {
      this.#failed.set(host, error);
      if (isLeftAtWork(error)) this.#atWork.add(host);
    }
    this.#first ??= error;
    this.#run.lost.add(at);
  }

  /** Those on which nothing may still be at work. */
  free(hosts: readonly string[]): readonly string[] {
    return hosts.filter((host) => !this.#atWork.has(host));
  }

  /** It is rescued. A failure from before an `always` stands, here and in the journal. */
  forgive(host: string): void {
    const error = this.#failed.get(host);
    const standing = this.#cleaning.get(host)?.failure;
    if (standing === undefined) {
      this.#failed.delete(host);
      this.#run.lost.delete(host);
    } else this.#failed.set(host, standing);
    if (this.#cleaning.get(host)?.left !== true) this.#left.delete(host);
    this.#tellRescued(host);
    if (this.#first === error) this.#first = [...this.#failed.values()][0];
  }

  /** The play stops with hosts on which nothing has failed: what they do from here on is done again by a resumed run. */
  leave(hosts: readonly string[]): void {
    for (const host of hosts) {
      if (this.#left.has(host)) continue;
      this.#left.add(host);
      this.#run.journal?.left(host);
    }
  }

  /** Likewise, for hosts whose failure is that of another one: what cleans up on them all the same is no part of their past. */
  leaveOthers(hosts: readonly string[]): void {
    this.leave(
      hosts.filter((host) => {
        const error = this.#failed.get(host);
        return error !== undefined && this.#at.get(error) !== host;
      }),
    );
  }

  /** The play did not stop, after all. */
  stay(hosts: readonly string[]): void {
    for (const host of hosts) {
      if (!this.#left.has(host) || this.#cleaning.get(host)?.left === true) continue;
      this.#left.delete(host);
      this.#tellRescued(host);
    }
  }

  /** Runs what a `rescue` stands beside. It may be a block within such a one. */
  async rescuable<T>(hosts: readonly string[], work: () => Promise<T>): Promise<T> {
    const own = hosts.filter((host) => !this.#rescuable.has(host));
    for (const host of own) this.#rescuable.add(host);
    try {
      return await work();
    } finally {
      for (const host of own) this.#rescuable.delete(host);
    }
  }

  isCleaning(host: string): boolean {
    return this.#cleaning.has(host);
  }

  /** Runs an `always`: on hosts that failed, too, and what has failed before stands after it. */
  async cleaning<T>(hosts: readonly string[], work: () => Promise<T>): Promise<T> {
    const before = this.now();
    // It may be an `always` within one.
    const outer = new Map(this.#cleaning);
    for (const host of hosts)
      this.#cleaning.set(host, { failure: before.get(host), left: this.#left.has(host) });
    try {
      return await work();
    } finally {
      for (const host of hosts) {
        const around = outer.get(host);
        if (around === undefined) this.#cleaning.delete(host);
        else this.#cleaning.set(host, around);
        const failure = before.get(host);
        if (failure !== undefined) this.#failed.set(host, failure);
      }
    }
  }

  #tellRescued(host: string): void {
    if (this.#cleaning.get(host)?.failure === undefined && !this.#left.has(host))
      this.#run.journal?.rescued(host);
  }
}
