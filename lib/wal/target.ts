import { z } from 'zod';
import type { Instant } from './instant.ts';
import { type InstantProblem, parseInstant } from './parse-instant.ts';

/** Where a recovery stops. */
export type RecoveryTarget =
  /** Before the first commit that is later than this moment. */
  | { readonly kind: 'time'; readonly time: Instant }
  /** After all WAL that is archived. */
  | { readonly kind: 'latest' };

/** Reads `latest` or a moment with its offset. */
function parseTarget(
  text: string,
):
  | { readonly ok: true; readonly target: RecoveryTarget }
  | { readonly ok: false; readonly problem: InstantProblem } {
  if (text.trim() === 'latest') return { ok: true, target: { kind: 'latest' } };
  const parsed = parseInstant(text);
  return parsed.ok ? { ok: true, target: { kind: 'time', time: parsed.instant } } : parsed;
}

/** The target of a text that the schema below has accepted. Throws otherwise. */
export function checkedTarget(text: string): RecoveryTarget {
  const parsed = parseTarget(text);
  if (!parsed.ok) throw new RangeError(`"${text}" ${parsed.problem.reason}`);
  return parsed.target;
}

/**
 * The schema of a `target_time` param: `latest`, or a time with an explicit offset. An issue's `params` hold the
 * problem's `code`, `details` and `next` for the reader of the error.
 */
export const targetTimeSchema = z.string().superRefine((text, context) => {
  const parsed = parseTarget(text);
  if (parsed.ok) return;
  const { code, reason, details, next } = parsed.problem;
  context.addIssue({ code: 'custom', message: reason, params: { code, details, next } });
});
