import type { PitrError } from '../base/errors/pitr-error.ts';
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
      ...(this.stdout.truncated ? { truncated: true } : {}),
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

function shellStatusOf(argv: readonly string[], end: ChannelEnd): ExitStatus {
  const status = killedBy(end);
  if (status === undefined) throw notKnown(argv, end);
  return status;
}

/** The error when nothing is known of how a command ended. */
export function unknownEnd(argv: readonly string[], end: CommandEnd): PitrError | undefined {
  return end.kind === 'shell-ended' && killedBy(end.end) === undefined ? notKnown(argv, end.end) : undefined;
}

/**
 * A command may kill its own shell, and the signal is then all that is known of both. A shell that ends by itself tells
 * how its command ended first: where that has not arrived, the shell's own exit code stands for nothing.
 */
function killedBy(end: ChannelEnd): ExitStatus | undefined {
  if (end.kind === 'signalled') return { signal: end.signal };
  const status = end.kind === 'exited' ? exitStatusOf(end.exitCode) : undefined;
  return status !== undefined && 'signal' in status ? status : undefined;
}

function notKnown(argv: readonly string[], end: ChannelEnd): PitrError {
  return end.kind === 'lost' && end.error.code !== 'connection-lost'
    ? end.error
    : shellLost(brief(argv), end);
}
