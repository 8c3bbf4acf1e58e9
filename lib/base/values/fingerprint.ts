import { createHash } from 'node:crypto';
import { isFlag, isSecretName } from './secret-names.ts';

/** At the end of a name it says that this is about a secret: what follows is shown, and kept, as it is. */
const ENDING = '-fingerprint';

/**
 * Named values without those that have the name of a secret, at any depth: in their place stands by what another one is told
 * from it, under `<name>-fingerprint`. A journal would mask the value, and a run that goes on needs it to compare. Four
 * digits tell two values apart in all but one case of 65536, and leave open which of all passwords that may be it is.
 */
export function withFingerprints<T>(
  values: Readonly<Record<string, T>>,
): Readonly<Record<string, T | string>>;
export function withFingerprints(
  values: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      if (!isSecretName(name) || isOpen(value))
        return [name, isMapping(value) ? withFingerprints(value) : value];
      const digest = createHash('sha256')
        .update(`${name}\0${JSON.stringify(value)}`)
        .digest('hex');
      return [`${name}${ENDING}`, digest.slice(0, 4)];
    }),
  );
}

/** The name of the value that a fingerprint is of; any other name as it is. */
export function nameOfFingerprint(name: string): string {
  return name.endsWith(ENDING) ? name.slice(0, -ENDING.length) : name;
}

/** What is masked under no name. */
function isOpen(value: unknown): boolean {
  return value === null || value === '' || typeof value === 'boolean' || isFlag(value);
}

function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object' && !Array.isArray(value);
}
