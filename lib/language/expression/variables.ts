import { didYouMean, nearestName } from '../../base/errors/nearest.ts';
import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';

/** A variable that a template or a condition reads. */
export interface VariableRef {
  /** The variable itself: `r` of `r.stats.mode`. */
  readonly name: string;
  /** What follows it, as far as it is written out: `['stats', 'mode']`. */
  readonly path: readonly string[];
  readonly at: SourcePosition | undefined;
  /** It may be missing: an argument of `default`, a test of `if`, inside `has()`, or guarded by one of these. */
  readonly optional: boolean;
}

/**
 * The error of a variable that does not exist. `known` are the names that do; `holder` is set when a part of a
 * variable is missing (`r` of `r.stdot`).
 */
export function undefinedVariable(
  name: string,
  known: readonly string[],
  at: SourcePosition | undefined,
  holder?: string,
  next?: readonly string[],
): PitrError {
  const hint = didYouMean(name, known);
  const nearest = nearestName(name, known);
  return new PitrError({
    kind: 'validation',
    code: 'undefined-variable',
    message:
      holder === undefined ? `undefined variable "${name}"${hint}` : `"${holder}" has no "${name}"${hint}`,
    details:
      holder !== undefined && known.length > 0 && nearest === undefined
        ? [`"${holder}" has: ${known.slice(0, 20).join(', ')}${known.length > 20 ? ', ...' : ''}`]
        : [],
    at,
    next,
  });
}
