import type { Readable } from 'node:stream';
import { PitrError } from '../base/errors/pitr-error.ts';
import { asLoginUser } from './becoming.ts';
import type { Connection } from './connection.ts';
import { brief, interrupted } from './errors.ts';
import { readFile, writeFile } from './files.ts';
import { statusOf } from './output.ts';
import { allGiven } from './own-process.ts';
import { terminalText } from './program.ts';
import { Runner } from './runner.ts';
import { Shells } from './shells.ts';
import { supervise } from './supervise.ts';
import type { Terminal } from './terminal.ts';
import type {
  BecomeSettings,
  Command,
  HostConnection,
  RemoteProcess,
  RunOptions,
  RunResult,
  WriteFileOptions,
} from './types.ts';

/** A host over any kind of connection; see `HostConnection` for what each method promises. */
export class Host implements HostConnection {
  readonly name: string;
  readonly #connection: Connection;
  readonly #shells: Shells;
  readonly #runner: Runner;

  constructor(name: string, connection: Connection, become: BecomeSettings | undefined) {
    this.name = name;
    this.#connection = connection;
    this.#shells = new Shells(connection, become);
    this.#runner = new Runner(connection, this.#shells);
  }

  get address(): string {
    return this.#connection.address;
  }

  async connect(signal?: AbortSignal): Promise<void> {
    await this.#ours(async () => {
      await this.#connection.connect(signal);
      const lease = await this.#shells.lease(asLoginUser, { signal });
      try {
        await lease?.shell.began;
      } finally {
        lease?.release();
      }
      this.#shells.openEarly();
    });
  }

  run(argv: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    return this.#ours(async () => (await this.#runner.run(argv, options)).result());
  }

  batch(
    commands: readonly Command[],
    options: Pick<RunOptions, 'timeoutMs' | 'signal'> = {},
  ): Promise<readonly RunResult[]> {
    return this.#ours(() => this.#runner.batch(commands, options));
  }

  spawn(
    argv: readonly string[],
    options: Pick<RunOptions, 'user' | 'cwd' | 'env' | 'signal'> = {},
  ): Promise<RemoteProcess> {
    return this.#ours(async () => {
      const { own, kill } = await this.#runner.start(argv, options);
      // After an abort it has ended only when its children have: what comes next may remove what they write to.
      const ended = this.#ours(async () => {
        const ends = async () => {
          await kill();
          own.discard();
        };
        const how = { what: brief(argv), signal: options.signal, pid: () => own.pid, kill: ends };
        const { value: end } = await supervise(own.ended, how).finally(() => own.abandon());
        return statusOf(argv, end, options.cwd, undefined);
      });
      ended.catch(() => {});
      const { stdin, stdout, stderr } = own;
      return {
        stdin,
        stdout,
        stderr,
        // Who listens is known only to those who ask, not when the command ends: that may be before they have it.
        get ended() {
          const given = ended.finally(() => Promise.all([allGiven(stdout), allGiven(stderr)]));
          given.catch(() => {});
          return given;
        },
        kill: () => this.#ours(kill),
      };
    });
  }

  terminal(
    argv: readonly string[],
    terminal: Terminal,
    options: Pick<RunOptions, 'user' | 'cwd' | 'env' | 'signal'> = {},
  ): Promise<{ readonly exitCode?: number; readonly signal?: string }> {
    return this.#ours(async () => {
      // The terminal that it gets is one for sudo, too.
      const becoming = await this.#shells.becoming(options.user, options.signal, false);
      const text = becoming.wrap(terminalText({ argv, cwd: options.cwd, env: options.env }));
      const end = await this.#connection.terminal(text, terminal, options.signal);
      if (options.signal?.aborted) throw interrupted(brief(argv));
      if (end.kind === 'lost') throw end.error;
      return end.kind === 'exited' ? { exitCode: end.exitCode } : { signal: end.signal };
    });
  }

  readFile(path: string, options: Pick<RunOptions, 'user' | 'signal'> = {}): Promise<Uint8Array> {
    return this.#ours(() => readFile(this.#runner, path, options));
  }

  writeFile(
    path: string,
    content: Uint8Array | string | Readable,
    options: WriteFileOptions = {},
  ): Promise<void> {
    return this.#ours(() => writeFile(this.#runner, path, content, options));
  }

  async close(): Promise<void> {
    this.#shells.close();
    await this.#connection.close();
  }

  /** Every error that leaves says which host it is about. */
  async #ours<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw error instanceof PitrError ? error.with({ host: this.name }) : error;
    }
  }
}
