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
export function commaList(option: string, typed: readonly string[]): readonly string[] {
  return typed.flatMap((one) => {
    const words = one
      .split(',')
      .map((word) => word.trim())
      .filter((word) => word !== '');
    if (words.length > 0) return words;
    // A variable of the shell that is not set: without it the option would choose everything.
    throw usageError('option-empty', `${option} names nothing`, {
      next: [`Name one or more, with commas between them, or leave ${option} out.`],
    });
  });
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
