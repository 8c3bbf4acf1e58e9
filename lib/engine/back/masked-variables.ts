import { holdsMask } from '../../base/values/secret.ts';

/** The names of variables of which the journal has only the mask of a secret. */
export function maskedVariables(extraVars: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(extraVars)
    .filter(([, value]) => holdsMask(value))
    .map(([name]) => name);
}
