import { asPitrError, PitrError } from './pitr-error.ts';

/**
 * A change that is refused counts as not begun, so what refuses in its middle is a failure of it: an undo then takes back,
 * and a resumed run makes whole, what `state` says.
 */
export function amid(thrown: unknown, state: string): PitrError {
  const error = asPitrError(thrown);
  if (error.kind !== 'refused') return error;
  const { code, message, details, host, task, at, evidence, next, result, cause } = error;
  return new PitrError({
    ...{ kind: 'failed', code, message, details, host, task, at, evidence, next, result, cause },
    state,
  });
}
