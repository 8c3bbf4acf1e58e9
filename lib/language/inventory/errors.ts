import { PitrError, type SourcePosition } from '../../base/errors/pitr-error.ts';

/** A mistake in an inventory: kind `validation`, with its place. */
export function inventoryError(
  code: string,
  message: string,
  at: SourcePosition | undefined,
  next: readonly string[] = [],
  details: readonly string[] = [],
): PitrError {
  return new PitrError({ kind: 'validation', code, message, at, next, details });
}
