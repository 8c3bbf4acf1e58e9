import { PitrError } from './pitr-error.ts';

/** A safety check says no: nothing was changed, and this is what can be done next. */
export function refusal(code: string, message: string, next: readonly string[]): PitrError {
  return new PitrError({ kind: 'refused', code, message, next });
}
