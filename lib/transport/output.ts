import { Capture } from './capture.ts';
import type { ChannelEnd } from './connection.ts';
import { brief, directoryMissing, shellLost } from './errors.ts';
import { type ExitStatus, exitStatusOf } from './exit-status.ts';
import type { CommandEnd, OutputSink } from './framed-channel.ts';
import type { RunOptions, RunResult } from './types.ts';

/** What one command prints and how it ended, on the way to its result. */
export class Output {
  readonly argv: readonly string[];
  readonly sink: OutputSink;
  readonly stdout: Capture;
  readonly stderr: Capture;
  readonly #cwd: string | undefined;
  #began = performance.now();
  #durationMs = 0;
  #timedOut = false;
  #end: CommandEnd | undefined;

  constructor(argv: readonly string[], options: Pick<RunOptions, 'cwd' | 'onOutput' | 'maxOutputBytes'>) {
    this.argv = argv;
    this.#cwd = options.cwd;
    this.stdout = new Capture(options.maxOutputBytes);
    this.stderr = new Capture(options.maxOutputBytes);
    this.sink = (stream, chunk) => {
      this[stream].push(chunk);
      options.onOutput?.(stream, chunk);
    };
  }

  begins(): void {
    this.#began = performance.now();
  }

  ended(outcome: { readonly value: CommandEnd; readonly timedOut: boolean }): void {
    this.#durationMs = performance.now() - this.#began;
    this.#timedOut = outcome.timedOut;
    this.#end = outcome.value;
  }

  /** Throws when the command was never started, or nothing can be said about its end. */
  result(): RunResult {
    return {
      argv: this.argv,
      ...statusOf(this.argv, this.#end, this.#cwd, this.stderr),
      stdout: this.stdout.text(),
      stderr: this.stderr.text(),
      durationMs: this.#durationMs,
      timedOut: this.#timedOut,
    };
  }
}

/** How a command ended, or the error when that is not known. */
export function statusOf(
  argv: readonly string[],
  end: CommandEnd | undefined,
  cwd: string | undefined,
  stderr: Capture | undefined,
): ExitStatus {
  switch (end?.kind) {
    case 'exited':
      return exitStatusOf(end.shellStatus);
    case 'no-directory':
      throw directoryMissing(argv, cwd ?? '', stderr?.text() ?? '');
    case 'shell-ended':
      return shellStatusOf(argv, end.end);
    case undefined:
      throw new Error('the result was asked for before the end');
  }
}

/** A command that ended its own shell: the shell's end is all that is known of it. */
function shellStatusOf(argv: readonly string[], end: ChannelEnd): ExitStatus {
  switch (end.kind) {
    case 'exited':
      return exitStatusOf(end.exitCode);
    case 'signalled':
      return { signal: end.signal };
    case 'lost':
      throw end.error.code === 'connection-lost' ? shellLost(brief(argv), end) : end.error;
  }
}
