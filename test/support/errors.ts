import { asPitrError, type PitrError } from '../../lib/base/errors/pitr-error.ts';

/** The error that a promise ends with. Throws when it ends well. */
export async function errorOf(work: Promise<unknown>): Promise<PitrError> {
  let value: unknown;
  try {
    value = await work;
  } catch (error) {
    return asPitrError(error);
  }
  throw new Error(`expected an error, got ${JSON.stringify(value)}`);
}
