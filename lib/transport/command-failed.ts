import { type CommandEvidence, PitrError } from '../base/errors/pitr-error.ts';
import { brief } from './errors.ts';
import { commandLine } from './quote.ts';
import { tail } from './tail.ts';
import type { RunResult } from './types.ts';

/** What a command left behind, for an error: stderr, or stdout where stderr is silent. */
export function evidenceOf(result: RunResult): CommandEvidence {
  const text = tail(result.stderr.trim() === '' ? result.stdout : result.stderr);
  return {
    command: commandLine(result.argv),
    ...(result.exitCode === undefined ? {} : { exitCode: result.exitCode }),
    ...(result.signal === undefined ? {} : { signal: result.signal }),
    ...(result.timedOut ? { timedOut: true } : {}),
    ...(text === '' ? {} : { stderr: text }),
  };
}

/** How a command ended, in words: `timed out after 30 s`, `was killed by SIGKILL`, `exited with 3`. */
export function howItEnded(result: RunResult): string {
  if (result.timedOut) return `timed out after ${Math.round(result.durationMs / 1000)} s`;
  if (result.signal !== undefined) return `was killed by ${result.signal}`;
  return `exited with ${result.exitCode ?? 'no exit code'}`;
}

/** A command that did not do what it should, as an error of kind `failed`. */
export function commandFailed(
  result: RunResult,
  host: string,
  facts: { readonly next?: readonly string[] } = {},
): PitrError {
  return new PitrError({
    kind: 'failed',
    code: result.timedOut ? 'command-timed-out' : 'command-failed',
    message: `${result.argv[0] ?? 'command'} ${howItEnded(result)}`,
    host,
    evidence: evidenceOf(result),
    next: facts.next,
  });
}

/** An answer that was cut is no answer: what is missing of it may be what was asked for. */
export function answerTooLong(result: RunResult, host: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'answer-too-long',
    message:
      'the host answers a look with more than can be taken in, and nothing is concluded from a part of it',
    host,
    evidence: { ...evidenceOf({ ...result, stdout: '' }), command: brief(result.argv) },
    next: ['Look at what the command lists on the host: it is far more than a host of its kind has.'],
  });
}
