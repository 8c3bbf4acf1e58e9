import type { Readable } from 'node:stream';
import { asPitrError, PitrError } from '../../base/errors/pitr-error.ts';
import { patientTimeout } from '../../base/wait/patient-timeout.ts';
import type { WriteHost } from '../../contract/host.ts';
import { interrupted } from '../../transport/errors.ts';
import type { RemoteProcess } from '../../transport/types.ts';
import { Age } from './age.ts';
import { lockLost, lockNotWritten, lockPlaceFlawed } from './errors.ts';
import { type LockPlace, lockFileName } from './lock-resource.ts';
import { HOLD } from './scripts.ts';

export interface Taking extends LockPlace {
  /** The lock frees itself this long after its controller was last heard of. */
  readonly leaseSeconds: number;
  /** How long to try, at most. */
  readonly patienceMs: number;
  /** Ends the trying. */
  readonly signal: AbortSignal;
}

interface Pending {
  readonly sent: Age;
  readonly deadline: NodeJS.Timeout;
  readonly resolve: (answer: string) => void;
  readonly reject: (error: PitrError) => void;
}

const BEATS_A_LEASE = 5;
/** A proof that is not older than this part of the lease is good enough to begin a change. */
const FRESH_PART = 0.3;
/** An answer that takes longer than this part of the lease is none: with the beat before it, that is one lease. */
const DEADLINE_PART = 0.8;
const OPENING_MS = 30_000;

/**
 * A kernel lock on a host, held by a process there that lives as long as it hears of us. What it answers proves that
 * the lock was held when it was asked, and will be for one lease from then on.
 */
export class LiveLock {
  /** Resolves with the reason when the lock can no longer be proved. */
  readonly lost: Promise<PitrError>;
  readonly #what: { readonly name: string; readonly host: string; readonly leaseMs: number };
  readonly #process: RemoteProcess;
  readonly #pending = new Map<string, Pending>();
  readonly #timer: NodeJS.Timeout;
  #lose: (error: PitrError) => void = () => {};
  #gone: PitrError | undefined;
  #leaving = false;
  #count = 0;
  /** When the last question was sent that was answered. */
  #proof: Age;

  private constructor(
    process: RemoteProcess,
    what: { readonly name: string; readonly host: string; readonly leaseMs: number },
    asked: Age,
  ) {
    this.#process = process;
    this.#what = what;
    this.#proof = asked;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    process.ended.then(
      ({ exitCode, signal }) =>
        this.#end(`its holder on ${what.host} ended (${signal ?? `exit code ${exitCode}`})`),
      (thrown: unknown) => this.#end(asPitrError(thrown).message),
    );
    process.stdin.on('error', () => {
      // Told by `ended`, too.
    });
    this.#timer = setInterval(() => void this.#ask('beat').catch(() => {}), what.leaseMs / BEATS_A_LEASE);
    this.#timer.unref();
  }

  /**
   * Takes the lock, or finds it `busy`. With the lock comes the text of the claim that lies beside it: it can only be
   * changed by whoever holds the lock. Throws kind `failed` where the place is not safe, kind `unreachable`.
   */
  static async take(
    host: WriteHost,
    taking: Taking,
  ): Promise<'busy' | { readonly lock: LiveLock; readonly claimText: string }> {
    const { name, directory, user, leaseSeconds, patienceMs, signal } = taking;
    const asked = new Age();
    const tries = Math.max(1, Math.round(patienceMs / 100));
    // Not the run's own signal: while an interrupted run ends what it has begun, it must still hold the lock.
    const process = await host.spawn(
      ['sh', '-c', HOLD, 'sh', directory, lockFileName(name), String(leaseSeconds), String(tries)],
      { user, signal: new AbortController().signal },
    );
    const lines = linesOf(process.stdout);
    const complaints = tailOf(process.stderr);
    try {
      const first = await firstLine(lines, process, OPENING_MS + patienceMs, signal);
      if (first === 'busy') {
        process.stdin.end();
        return 'busy';
      }
      if (first?.startsWith('flaw ') === true) throw lockPlaceFlawed(name, host.name, first.slice(5));
      if (first === undefined || !first.startsWith('locked'))
        throw lockPlaceFlawed(name, host.name, complaints() || 'its holder ended without a word');
      const lock = new LiveLock(process, { name, host: host.name, leaseMs: leaseSeconds * 1000 }, asked);
      void lock.#listen(lines);
      return { lock, claimText: first.slice('locked '.length) };
    } catch (error) {
      process.stdin.end();
      await process.kill().catch(() => {});
      throw error;
    }
  }

  /** Resolves when the lock is proved to be held, at once when the last proof is recent. Throws when it is lost. */
  async prove(): Promise<void> {
    if (this.#gone !== undefined) throw this.#gone;
    if (this.#proof.ms() <= this.#what.leaseMs * FRESH_PART) return;
    await this.#ask('beat');
  }

  /** Writes the claim: done by the holder itself, so only while it holds the lock. */
  async claim(text: string): Promise<void> {
    await this.#command(`claim ${text}`);
  }

  async unclaim(): Promise<void> {
    await this.#command('unclaim');
  }

  /** Lets go of the lock; the claim stays as it is. Never throws: what is lost cannot be held any longer. */
  async leave(): Promise<void> {
    this.#leaving = true;
    clearInterval(this.#timer);
    const answered = this.#gone === undefined && (await this.#ask('leave').catch(() => undefined)) === 'ok';
    this.#process.stdin.end();
    // One that cannot be reached ends by itself; there is nothing to wait for.
    if (answered) await this.#process.ended.catch(() => {});
  }

  async #command(command: string): Promise<void> {
    const { name, host } = this.#what;
    const answer = await this.#ask(command);
    if (answer !== 'ok') throw lockNotWritten(name, host, answer.replace(/^failed ?/, ''));
  }

  #ask(command: string): Promise<string> {
    const { leaseMs, host } = this.#what;
    const number = String(++this.#count);
    return new Promise((resolve, reject) => {
      if (this.#gone !== undefined) {
        reject(this.#gone);
        return;
      }
      // After a sleep of ours the timer is due before what came in the meantime was read: read first, then judge.
      const late = (): void =>
        void setImmediate(() =>
          setImmediate(() => {
            if (this.#pending.has(number))
              this.#end(
                `its holder on ${host} has not answered for ${Math.round((leaseMs * DEADLINE_PART) / 1000)} s`,
              );
          }),
        );
      const deadline = setTimeout(late, leaseMs * DEADLINE_PART);
      deadline.unref();
      this.#pending.set(number, { sent: new Age(), deadline, resolve, reject });
      this.#process.stdin.write(`${number} ${command}\n`);
    });
  }

  async #listen(lines: AsyncIterator<string>): Promise<void> {
    for (let next = await lines.next(); next.done !== true; next = await lines.next()) {
      const [number = '', ...answer] = next.value.split(' ');
      const pending = this.#pending.get(number);
      if (pending === undefined) continue;
      this.#pending.delete(number);
      clearTimeout(pending.deadline);
      // What was asked after a proof's own question is younger than that proof.
      if (pending.sent.ms() < this.#proof.ms()) this.#proof = pending.sent;
      pending.resolve(answer.join(' '));
    }
  }

  #end(why: string): void {
    if (this.#gone !== undefined) return;
    const { name, host } = this.#what;
    const error = lockLost(name, host, why);
    this.#gone = error;
    clearInterval(this.#timer);
    for (const { deadline, reject } of this.#pending.values()) {
      clearTimeout(deadline);
      reject(error);
    }
    this.#pending.clear();
    if (!this.#leaving) this.#lose(error);
  }
}

async function* linesOf(stream: Readable): AsyncGenerator<string, void> {
  let rest = '';
  stream.setEncoding('utf8');
  try {
    for await (const chunk of stream) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      yield* lines;
    }
  } catch (thrown) {
    // The connection went: the process's end says so, and why.
    if (!(thrown instanceof Error)) throw thrown;
  }
}

function tailOf(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    text = (text + chunk).slice(-2000);
  });
  return () => text.trim().replace(/\s*\n\s*/g, '; ');
}

/** The first line of the answer; nothing when it ended without one. Throws what ended the connection, or the deadline. */
async function firstLine(
  lines: AsyncIterator<string>,
  process: RemoteProcess,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  let callOff = (): void => {};
  let abort = (): void => {};
  const late = new Promise<never>((_, reject) => {
    const silent = (): void =>
      reject(
        new PitrError({
          kind: 'unreachable',
          code: 'lock-silent',
          message: `the holder of the lock did not answer within ${Math.round(deadlineMs / 1000)} s`,
          next: [
            'Look at the load of the host that holds the lock (docs/lock.md says which), then run it again.',
          ],
        }),
      );
    callOff = patientTimeout(silent, deadlineMs);
  });
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(interrupted('waiting for the lock'));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
  });
  try {
    const next = await Promise.race([lines.next(), late, aborted]);
    if (next.done !== true) return next.value;
    await process.ended;
    return undefined;
  } finally {
    callOff();
    signal.removeEventListener('abort', abort);
  }
}
