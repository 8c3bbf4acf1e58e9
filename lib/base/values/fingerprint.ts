import { createHash } from 'node:crypto';
import { isFlag, isSecretName } from './secret-names.ts';
import { secretsInText } from './secrets-in-text.ts';

/** At the end of a name it says that this is about a secret: what follows is shown, and kept, as it is. */
const ENDING = '-fingerprint';

/**
 * Named values without secrets, at any depth: in the place of one stands by what another one is told from it, under
 * `<name>-fingerprint` where its name says what it is, else where the text stood that holds it. A journal would mask it, and a
 * run that goes on needs it to compare. Four digits tell two values apart in all but one case of 65536, and leave open which of
 * all passwords that may be it is.
 */
export function withFingerprints(values: Readonly<Record<string, string>>): Readonly<Record<string, string>>;
export function withFingerprints(
  values: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>>;
export function withFingerprints(
  values: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) =>
      isSecretName(name) && !isOpen(value)
        ? [`${name}${ENDING}`, fingerprint(value)]
        : [name, withoutSecrets(value)],
    ),
  );
}

function withoutSecrets(value: unknown): unknown {
  if (typeof value === 'string')
    return secretsInText(value).length === 0
      ? value
      : `(it holds a secret; fingerprint ${fingerprint(value)})`;
  if (Array.isArray(value)) return value.map(withoutSecrets);
  return isMapping(value) ? withFingerprints(value) : value;
}

function fingerprint(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 4);
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
  return value !== null && typeof value === 'object';
}
