import { asLoginUser, type Becoming, becomingOf } from './becoming.ts';
import type { Connection } from './connection.ts';
import { connectionClosed, insistsOnTerminal, interrupted } from './errors.ts';
import { askLoginUser, type LoginUser } from './login-user.ts';
import { StandingShell } from './standing-shell.ts';
import { Turns } from './turns.ts';
import { AS_LOGIN_USER, type BecomeSettings } from './types.ts';

/** A command waits at least so long for the standing shell before it gets a channel of its own. */
const LEAST_PATIENCE_MS = 100;
/** And at most so long: what holds the shell may take hours. */
const MOST_PATIENCE_MS = 3_000;

export interface Lease {
  readonly shell: StandingShell;
  release(): void;
}

interface Seat {
  readonly turns: Turns;
  shell: Promise<StandingShell> | undefined;
}

/** The standing shells of one host: one for each OS user that is needed, opened when first needed. */
export class Shells {
  readonly #connection: Connection;
  readonly #become: BecomeSettings | undefined;
  readonly #seats = new Map<string, Seat>();
  #identity: Promise<LoginUser> | undefined;
  /** sudo insists on a terminal here. */
  #onTerminal = false;
  /** How long the newest shell here took to begin, in milliseconds. */
  #openingMs = 0;
  #closed = false;

  constructor(connection: Connection, become: BecomeSettings | undefined) {
    this.#connection = connection;
    this.#become = become;
  }

  /**
   * How long a command waits for a standing shell that is busy, in milliseconds: as long as a channel of its own would take
   * to open, and so never twice as long as the better of the two. A client of docker, or a login, costs a slow host more
   * than most commands do.
   */
  get patienceMs(): number {
    return Math.min(Math.max(this.#openingMs, LEAST_PATIENCE_MS), MOST_PATIENCE_MS);
  }

  /** A shell has begun here: of a user, or for one command. `since` is of `performance.now()`. */
  began(since: number): void {
    this.#openingMs = performance.now() - since;
  }

  /** How this user is become, or the one that the inventory names: not at all when it is the login user. */
  async becoming(
    named: string | undefined,
    signal?: AbortSignal,
    onTerminal = this.#onTerminal,
  ): Promise<Becoming> {
    const user = named ?? this.#become?.user ?? AS_LOGIN_USER;
    if (user === AS_LOGIN_USER || user === this.#connection.loginUser) return asLoginUser;
    const login = await this.#login(signal);
    return user === login.name ? asLoginUser : becomingOf(user, this.#become, login.isRoot, onTerminal);
  }

  /** Does something as a user. Where sudo then insists on a terminal, it has done nothing yet, and is given one. */
  async as<T>(
    named: string | undefined,
    signal: AbortSignal | undefined,
    work: (becoming: Becoming) => Promise<T>,
  ): Promise<T> {
    const becoming = await this.becoming(named, signal);
    try {
      return await work(becoming);
    } catch (error) {
      if (becoming.onTerminal === true || !insistsOnTerminal(error)) throw error;
      this.#onTerminal = true;
      return work(await this.becoming(named, signal));
    }
  }

  /**
   * The standing shell of a user, for one piece of work. Undefined when it was still busy with something else after
   * `patienceMs`.
   */
  async lease(
    becoming: Becoming,
    options: { readonly patienceMs?: number | undefined; readonly signal?: AbortSignal | undefined } = {},
  ): Promise<Lease | undefined> {
    const seat = this.#seat(becoming.user ?? '');
    const release = await seat.turns.take(options);
    if (release === undefined) {
      if (options.signal?.aborted) throw interrupted(this.#connection.address);
      return undefined;
    }
    try {
      return { shell: await this.#standing(seat, becoming, options.signal), release };
    } catch (error) {
      release();
      throw error;
    }
  }

  /**
   * Begins the shell of the user whom the inventory names, while nothing waits for it. An error is met again, and told, by the
   * first command. Not where a password is typed: a wrong one would be typed twice.
   */
  openEarly(): void {
    const begin = async (): Promise<void> => {
      const becoming = await this.becoming(undefined);
      if (becoming.dialog === undefined) (await this.lease(becoming))?.release();
    };
    if (this.#become !== undefined) begin().catch(() => {});
  }

  close(): void {
    this.#closed = true;
    for (const seat of this.#seats.values()) {
      void seat.shell?.then(
        (shell) => shell.close(),
        () => {},
      );
    }
  }

  #seat(key: string): Seat {
    const present = this.#seats.get(key);
    if (present !== undefined) return present;
    const seat: Seat = { turns: new Turns(), shell: undefined };
    this.#seats.set(key, seat);
    return seat;
  }

  async #standing(seat: Seat, becoming: Becoming, signal: AbortSignal | undefined): Promise<StandingShell> {
    if (this.#closed) throw connectionClosed(this.#connection.address);
    const present = await seat.shell?.catch(() => undefined);
    if (present !== undefined && !present.over) return present;
    const since = performance.now();
    const opening = StandingShell.open(this.#connection, becoming, signal);
    opening.catch(() => {});
    seat.shell = opening;
    const shell = await opening;
    shell.began.then(
      () => this.began(since),
      () => {
        if (seat.shell === opening) seat.shell = undefined;
      },
    );
    if (this.#closed) shell.close();
    return shell;
  }

  /** Asked once for all; an abort ends the waiting of its caller only. */
  async #login(signal: AbortSignal | undefined): Promise<LoginUser> {
    if (this.#identity === undefined) {
      const asked = this.#askLogin();
      asked.catch(() => {
        this.#identity = undefined;
      });
      this.#identity = asked;
    }
    return orAborted(this.#identity, signal, this.#connection.address);
  }

  async #askLogin(): Promise<LoginUser> {
    const lease = await this.lease(asLoginUser, { patienceMs: this.patienceMs });
    try {
      return await askLoginUser(this.#connection, lease?.shell);
    } finally {
      lease?.release();
    }
  }
}

async function orAborted<T>(work: Promise<T>, signal: AbortSignal | undefined, what: string): Promise<T> {
  if (signal === undefined) return work;
  let abort = (): void => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(interrupted(what));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}
