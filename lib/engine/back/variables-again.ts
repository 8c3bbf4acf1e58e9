import { PitrError } from '../../base/errors/pitr-error.ts';
import { MASK } from '../../base/values/secret.ts';
import type { JournalledRun } from '../journal/read.ts';
import { leadsToHosts, optionToType, unmaskedVariables } from './masked.ts';

type Variables = Readonly<Record<string, unknown>>;

/** Every one, or those that lead to hosts: by their names, and these. */
export type NeededSecrets = 'all' | ReadonlySet<string>;

/**
 * The `-e` of a run that is gone on with, under those of now. The journal has only the mask of what was a secret. A playbook
 * that goes on needs every one of them (`all`); whoever works from the journal alone, those that lead to hosts,
 * by their names or because the inventory is made of them (`leadingVariables`), and has no use for the others. Throws kind `usage` (`secret-not-in-journal`) for what is missing.
 */
export function variablesAgain(
  { extraVars }: Pick<JournalledRun, 'extraVars'>,
  given: Variables,
  needed: NeededSecrets,
): Variables {
  const missing = missingSecrets(extraVars, given, needed);
  if (missing.length > 0) {
    throw new PitrError({
      kind: 'usage',
      code: 'secret-not-in-journal',
      message: `the run was given ${missing.join(' and ')}, and the journal holds no secrets`,
      next: [`Give it again: ${missing.flatMap((name) => optionToType(name, MASK)).join(' ')}`],
    });
  }
  return unmaskedVariables(extraVars, given).known;
}

/** The names of what has to be given again. */
export function missingSecrets(
  extraVars: Variables,
  given: Variables,
  needed: NeededSecrets,
): readonly string[] {
  const { masked } = unmaskedVariables(extraVars, given);
  return masked.filter((name) => needed === 'all' || leadsToHosts(name) || needed.has(name));
}
