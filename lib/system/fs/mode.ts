import { z } from 'zod';

const OCTAL = /^0?[0-7]{3,4}$/;
const CLAUSE = /^([ugoa]+)([-+=])([rwxXst]*|[ugo])$/;

/**
 * Permission bits as an operator writes them: `"0640"` or `u=rw,g=r`. A number is never taken for one: YAML may have
 * read the digits as decimal or as octal, and nobody could tell which.
 */
export const modeParam = z.preprocess(
  (value, issues) => {
    if (typeof value === 'number') {
      issues.addIssue({
        code: 'custom',
        message: 'write the mode in quotes, as in "0640": bare digits are a number',
      });
    }
    return value;
  },
  z.string().refine(isMode, 'expected a mode such as "0640" or u=rw,g=r'),
);

/** Whether a text is a mode that `resolveMode` understands. */
export function isMode(text: string): boolean {
  return OCTAL.test(text) || text.split(',').every((clause) => CLAUSE.test(clause));
}

/** `0640`, with four digits. */
export function formatMode(mode: number): string {
  return mode.toString(8).padStart(4, '0');
}

/** For chmod: of a directory it takes set-id bits away only where the number has five digits. */
export function chmodMode(mode: number): string {
  return `0${formatMode(mode)}`;
}

/**
 * The permission bits that a mode stands for, given the present ones, as `chmod` would leave them. `X` is execution
 * for directories and for what is executable already. Throws on what `isMode` refuses.
 */
export function resolveMode(text: string, present: number, isDirectory: boolean): number {
  if (OCTAL.test(text)) return Number.parseInt(text, 8);
  return text.split(',').reduce((mode, clause) => applyClause(clause, mode, isDirectory), present);
}

const WHO = { u: 6, g: 3, o: 0 } as const;
type Who = keyof typeof WHO;

function applyClause(clause: string, mode: number, isDirectory: boolean): number {
  const match = CLAUSE.exec(clause);
  if (match === null) throw new Error(`"${clause}" is not a mode`);
  const [, who = '', operator = '', what = ''] = match;
  const all = who.includes('a');
  const whom = (['u', 'g', 'o'] as const).filter((one) => all || who.includes(one));
  const executable = isDirectory || (mode & 0o111) !== 0;
  let bits = 0;
  let cleared = 0;
  for (const one of whom) {
    const shift = WHO[one];
    const copied = what === 'u' || what === 'g' || what === 'o' ? (mode >> WHO[what as Who]) & 7 : undefined;
    bits |= (copied ?? triplet(what, executable)) << shift;
    cleared |= 7 << shift;
    if (what.includes('s') && one === 'u') bits |= 0o4000;
    if (what.includes('s') && one === 'g') bits |= 0o2000;
    // chmod keeps the set-id bits of a directory that `=` does not name.
    if (!isDirectory) cleared |= one === 'u' ? 0o4000 : one === 'g' ? 0o2000 : 0;
  }
  if (what.includes('t') && (all || who.includes('o'))) bits |= 0o1000;
  if (whom.includes('o')) cleared |= 0o1000;
  if (operator === '+') return mode | bits;
  if (operator === '-') return mode & ~bits;
  return (mode & ~cleared) | bits;
}

function triplet(what: string, executable: boolean): number {
  return (
    (what.includes('r') ? 4 : 0) |
    (what.includes('w') ? 2 : 0) |
    (what.includes('x') || (what.includes('X') && executable) ? 1 : 0)
  );
}
