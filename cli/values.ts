import { usageError } from './usage-error.ts';

const MOST_FORKS = 1000;

/** `--forks`: a whole number from 1. Throws kind `usage`. */
export function forksOf(typed: string | undefined, fallback: number): number {
  if (typed === undefined) return fallback;
  const forks = /^[0-9]{1,4}$/.test(typed) ? Number(typed) : 0;
  if (forks >= 1 && forks <= MOST_FORKS) return forks;
  throw usageError(
    'forks-invalid',
    `--forks needs a whole number from 1 to ${MOST_FORKS}, not ${JSON.stringify(typed)}`,
  );
}

/** `--tags a,b --tags c`: the names, blanks around commas ignored. */
export function commaList(typed: readonly string[]): readonly string[] {
  return typed
    .flatMap((one) => one.split(','))
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** The number of a change: a whole number from 1. Throws kind `usage`. */
export function changeNumber(option: string, typed: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(typed)) return Number(typed);
  throw usageError(
    'change-number-invalid',
    `${option} needs the number of a change, not ${JSON.stringify(typed)}`,
    { next: ['pitr runs <run> shows the numbers.'] },
  );
}
