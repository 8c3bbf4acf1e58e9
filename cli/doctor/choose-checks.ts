import { didYouMean } from '../../lib/base/errors/nearest.ts';
import { type Check, GROUPS, groupOf } from '../../lib/recovery/doctor/finding.ts';
import { CHECKS } from '../../lib/recovery/doctor/registry.ts';
import { usageError } from '../usage-error.ts';

/** The checks of these groups, or of these ids; all without any. Throws kind `usage` for a name that is neither. */
export function chosenChecks(names: readonly string[]): readonly Check[] {
  const known: readonly string[] = [...GROUPS, ...CHECKS.map(({ id }) => id)];
  for (const name of names) {
    if (known.includes(name)) continue;
    throw usageError(
      'check-unknown',
      `there is no check and no group of checks "${name}"${didYouMean(name, known)}`,
      { details: [`The groups are: ${GROUPS.join(', ')}.`], next: ['pitr doctor --help'] },
    );
  }
  if (names.length === 0) return CHECKS;
  return CHECKS.filter((check) => names.includes(groupOf(check)) || names.includes(check.id));
}
