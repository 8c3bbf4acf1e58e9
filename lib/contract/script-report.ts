import { PitrError } from '../base/errors/pitr-error.ts';
import { cut } from '../base/values/cut.ts';
import { evidenceOf, howItEnded } from '../transport/command-failed.ts';
import type { RunResult } from '../transport/types.ts';

/** A part of what one of our scripts printed: a heading, and lines of foreign text under it. */
export interface ReportPart {
  /** The words of the heading; the last one may hold spaces. */
  readonly kind: string;
  readonly rest: string;
  readonly lines: readonly string[];
}

/**
 * Reads the answer of a script that prints headings as `@kind rest` and foreign lines after a space, so that no text
 * can pass for a heading. Throws when the answer is not whole (no `@end`) or holds anything else.
 */
export function parseReport(text: string): readonly ReportPart[] {
  const parts: { kind: string; rest: string; lines: string[] }[] = [];
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  for (const line of lines) {
    const heading = /^@([a-z-]+)(?: (.*))?$/.exec(line);
    if (heading !== null) parts.push({ kind: heading[1] ?? '', rest: heading[2] ?? '', lines: [] });
    else if (line.startsWith(' ') && parts.length > 0) parts.at(-1)?.lines.push(line.slice(1));
    else throw new Error(`the answer is garbled: ${cut(JSON.stringify(line), 200)}`);
  }
  if (parts.at(-1)?.kind !== 'end') throw new Error('the answer is not whole');
  return parts.slice(0, -1);
}

/** What a look has answered, as `parseReport`; nothing where it failed, was cut off, or its answer is not whole. */
export function reportIn(result: RunResult): readonly ReportPart[] | undefined {
  try {
    return result.exitCode === 0 ? parseReport(result.stdout) : undefined;
  } catch {
    // What was said instead stands in the evidence of whoever asks.
    return undefined;
  }
}

/**
 * Reads the answer of a look, as `parseReport`. `what` completes "... could not be seen". Throws kind `failed`
 * (`look-broken-off`) where it is not whole.
 */
export function reportOf(result: RunResult, host: string, what: string): readonly ReportPart[] {
  const parts = reportIn(result);
  if (parts !== undefined) return parts;
  throw lookBrokenOff(result, host, what);
}

/** Whether a look did not come to its end by itself: the next one may. */
export function isBrokenOff({ exitCode, timedOut }: RunResult): boolean {
  return timedOut || exitCode === undefined;
}

export function lookBrokenOff(result: RunResult, host: string, what: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'look-broken-off',
    message: `${what} could not be seen: the look ${result.exitCode === 0 ? 'gave no whole answer' : howItEnded(result)}`,
    host,
    evidence: evidenceOf({ ...result, argv: ['sh', `(a look at ${what})`] }),
    next: [`See what keeps ${host} so busy, there: uptime`, 'Then run this again.'],
  });
}

/** For waits: a look that is broken off says nothing, and the next one may (`passing` of `until`). */
export const BROKEN_OFF: readonly string[] = ['look-broken-off'];
