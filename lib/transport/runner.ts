import { PitrError } from '../base/errors/pitr-error.ts';
import type { Becoming } from './becoming.ts';
import { Capture } from './capture.ts';
import type { Connection } from './connection.ts';
import { brief, interrupted, killFailed, killUnsent, processesLeft } from './errors.ts';
import type { CommandEnd } from './framed-channel.ts';
import { KILL_TREE, PROCESSES_LEFT } from './kill-tree.ts';
import { neverConnected } from './never-connected.ts';
import { Output } from './output.ts';
import { closed, startOwn } from './own-process.ts';
import type { Lease, Shells } from './shells.ts';
import { supervise, within } from './supervise.ts';
import { Turns } from './turns.ts';
import type { Command, RunOptions, RunResult } from './types.ts';

/** Longer texts would hold up the standing shell; they go by a channel of their own. */
const LONGEST_STANDING_TEXT = 64 * 1024;
const KILL_DEADLINE_MS = 40_000;

/** Runs commands on one host: on the standing shell of their user where that is good, else on their own channel. */
export class Runner {
  readonly #connection: Connection;
  readonly #shells: Shells;
  readonly #channels: Turns;

  constructor(connection: Connection, shells: Shells) {
    this.#connection = connection;
    this.#shells = shells;
    this.#channels = new Turns(connection.parallelChannels);
  }

  /** Runs a command to its end. What it printed is there as bytes (`stdout.bytes()`) and as a result. */
  async run(argv: readonly string[], options: RunOptions): Promise<Output> {
    if (options.signal?.aborted) throw interrupted(brief(argv));
    const stdin = standingStdin(options.stdin);
    return this.#shells.as(options.user, options.signal, async (becoming) => {
      if (options.ownChannel !== true && stdin !== undefined && textLength(argv) < LONGEST_STANDING_TEXT) {
        const lease = await this.#shells.lease(becoming, {
          patienceMs: this.#shells.patienceMs,
          signal: options.signal,
        });
        if (lease !== undefined) return this.#runStanding(lease, becoming, argv, options, stdin);
      }
      return this.#runOwn(becoming, argv, options);
    });
  }

  async batch(
    commands: readonly Command[],
    options: Pick<RunOptions, 'timeoutMs' | 'signal'>,
  ): Promise<readonly RunResult[]> {
    const results: RunResult[] = [];
    while (results.length < commands.length) {
      const from = results.length;
      const user = commands[from]?.user;
      let to = from + 1;
      while (to < commands.length && commands[to]?.user === user) to += 1;
      results.push(...(await this.#batchOfUser(user, commands.slice(from, to), options)));
    }
    return results;
  }

  /** Starts a command on its own channel. The caller must read both streams. */
  async start(argv: readonly string[], options: Pick<RunOptions, 'user' | 'cwd' | 'env' | 'signal'>) {
    if (options.signal?.aborted) throw interrupted(brief(argv));
    return this.#shells.as(options.user, options.signal, async (becoming) => {
      const own = await startOwn(
        this.#connection,
        becoming,
        { argv, cwd: options.cwd, env: options.env },
        { stdin: 'channel', signal: options.signal },
      );
      return { own, kill: () => this.#kill(becoming, own.pid, 'KEEP') };
    });
  }

  /** One round trip for all that fit; a shell that a command killed is replaced, and the rest goes on in the new one. */
  #batchOfUser(
    user: string | undefined,
    commands: readonly Command[],
    options: Pick<RunOptions, 'timeoutMs' | 'signal'>,
  ): Promise<readonly RunResult[]> {
    return this.#shells.as(user, options.signal, (becoming) => this.#batchAs(becoming, commands, options));
  }

  async #batchAs(
    becoming: Becoming,
    commands: readonly Command[],
    options: Pick<RunOptions, 'timeoutMs' | 'signal'>,
  ): Promise<readonly RunResult[]> {
    const results: RunResult[] = [];
    while (results.length < commands.length) {
      const rest = commands.slice(results.length);
      const lease = await this.#shells.lease(becoming, {
        patienceMs: this.#shells.patienceMs,
        signal: options.signal,
      });
      if (lease !== undefined) results.push(...(await this.#batchStanding(lease, becoming, rest, options)));
      else
        for (const { argv, env, maxOutputBytes } of rest) {
          results.push((await this.#runOwn(becoming, argv, { ...options, env, maxOutputBytes })).result());
        }
    }
    return results;
  }

  async #runStanding(
    lease: Lease,
    becoming: Becoming,
    argv: readonly string[],
    options: RunOptions,
    stdin: string,
  ): Promise<Output> {
    try {
      const output = new Output(argv, options);
      const { cwd, env, inShell } = options;
      const command = { argv, cwd, env, inShell, stdin };
      for (const end of lease.shell.send([{ command, onOutput: output.sink }])) {
        output.ended(await this.#supervised({ lease, becoming, argv, end }, options, 'KEEP'));
      }
      return output;
    } finally {
      lease.release();
    }
  }

  /** Returns the results up to the first command that took the shell with it, at least one. */
  async #batchStanding(
    lease: Lease,
    becoming: Becoming,
    commands: readonly Command[],
    options: Pick<RunOptions, 'timeoutMs' | 'signal'>,
  ): Promise<readonly RunResult[]> {
    try {
      const outputs = commands.map(({ argv, maxOutputBytes }) => new Output(argv, { maxOutputBytes }));
      const ends = lease.shell.send(
        commands.map(({ argv, env, inShell }, index) => ({
          command: { argv, env, inShell },
          onOutput: (stream, chunk) => outputs[index]?.sink(stream, chunk),
        })),
      );
      const results: RunResult[] = [];
      for (const [index, output] of outputs.entries()) {
        output.begins();
        const end = ends[index] ?? Promise.reject(new Error('a command without an end'));
        // After an abort nothing of what was already sent may start: the shell goes first.
        const outcome = await this.#supervised({ lease, becoming, argv: output.argv, end }, options, 'TOO');
        output.ended(outcome);
        results.push(output.result());
        if (outcome.value.kind === 'shell-ended') break;
      }
      return results;
    } finally {
      lease.release();
    }
  }

  async #supervised(
    {
      lease,
      becoming,
      argv,
      end,
    }: {
      readonly lease: Lease;
      readonly becoming: Becoming;
      readonly argv: readonly string[];
      readonly end: Promise<CommandEnd>;
    },
    options: Pick<RunOptions, 'timeoutMs' | 'signal'>,
    onAbort: 'KEEP' | 'TOO',
  ) {
    let pid: number | undefined;
    return supervise(end, {
      what: brief(argv),
      timeoutMs: options.timeoutMs,
      signal: options.signal,
      pid: () => pid,
      kill: async (reason) => {
        pid = await lease.shell.began;
        await this.#kill(becoming, pid, reason === 'abort' ? onAbort : 'KEEP');
      },
    }).catch((error: unknown) => {
      // A shell that did not come back from its command would make the next one wait for it.
      lease.shell.abandon();
      throw error;
    });
  }

  async #runOwn(becoming: Becoming, argv: readonly string[], options: RunOptions): Promise<Output> {
    const release = await this.#channels.take({ signal: options.signal });
    if (release === undefined) throw interrupted(brief(argv));
    try {
      const output = new Output(argv, options);
      const command = { argv, cwd: options.cwd, env: options.env };
      const stdin = options.stdin === undefined ? 'nothing' : 'channel';
      const since = performance.now();
      const own = await startOwn(this.#connection, becoming, command, { stdin, signal: options.signal });
      this.#shells.began(since);
      output.begins();
      own.stdout.on('data', (chunk: Buffer) => output.sink('stdout', chunk));
      own.stderr.on('data', (chunk: Buffer) => output.sink('stderr', chunk));
      if (options.stdin !== undefined) own.stdin.end(options.stdin);
      const read = Promise.all([closed(own.stdout), closed(own.stderr)]);
      const whole = own.ended.then(async (end) => {
        await read;
        return end;
      });
      const outcome = await supervise(whole, {
        what: brief(argv),
        timeoutMs: options.timeoutMs,
        signal: options.signal,
        pid: () => own.pid,
        kill: () => this.#kill(becoming, own.pid, 'KEEP'),
      }).finally(() => own.abandon());
      output.ended(outcome);
      return output;
    } finally {
      release();
    }
  }

  /** Ends everything below a shell. Throws kind `unreachable` when the host cannot be told. */
  async #kill(becoming: Becoming, pid: number, shell: 'KEEP' | 'TOO'): Promise<void> {
    const command = { argv: ['sh', '-c', KILL_TREE, 'sh', String(pid), shell] };
    const own = await startOwn(this.#connection, becoming, command, { stdin: 'nothing' }).catch((error) => {
      throw error instanceof PitrError && neverConnected(error) ? killUnsent(pid, error) : error;
    });
    const output = new Capture();
    own.stdout.resume();
    own.stderr.on('data', (chunk: Buffer) => output.push(chunk));
    const late = () => killFailed(pid, 'it did not end in time');
    const end = await within(KILL_DEADLINE_MS, own.ended, late).finally(() => own.abandon());
    if (end.kind === 'shell-ended' && end.end.kind === 'lost') throw end.end.error;
    if (end.kind === 'exited' && end.shellStatus === PROCESSES_LEFT) throw processesLeft(output.text());
    if (end.kind !== 'exited' || end.shellStatus !== 0) throw killFailed(pid, output.text());
  }
}

/** What fits on the standing shell as stdin: nothing, or text of moderate length; undefined for all else. */
function standingStdin(stdin: RunOptions['stdin']): string | undefined {
  if (stdin === undefined) return '';
  if (typeof stdin !== 'string' || stdin.length > LONGEST_STANDING_TEXT || stdin.includes('\0'))
    return undefined;
  return stdin;
}

function textLength(argv: readonly string[]): number {
  return argv.reduce((sum, word) => sum + word.length, 0);
}
