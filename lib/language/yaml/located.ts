import type { SourcePosition } from '../../base/errors/pitr-error.ts';

/** A plain value from a YAML file that still knows where each of its parts stands. */
export interface Located<T = unknown> {
  readonly value: T;
  readonly at: SourcePosition;
  /** Where a part of the value stands: `locate(['servers', 0])`; the nearest known place for a part that is not there. */
  locate(path: readonly (string | number)[]): SourcePosition;
  /** Where the key of a part stands (the word before the colon). */
  locateKey(path: readonly (string | number)[]): SourcePosition;
}
