import { PitrError } from '../base/errors/pitr-error.ts';

/** Words that mean something to `sh` where a command is expected, though every letter in them is harmless. */
const RESERVED = new Set(
  'case coproc do done elif else esac fi for function if in select then time until while'.split(' '),
);

const PLAIN = /^[A-Za-z0-9_@%+:,./-]+$/;
const PLAIN_OPTION = /^-[A-Za-z0-9_@%+:,./=-]*$/;

/**
 * One word for a POSIX `sh`, quoted so that the shell hands on exactly these characters, wherever in a command it
 * stands. Throws kind `validation` for a NUL, which no argument can carry.
 */
export function quote(word: string): string {
  if (word.includes('\0')) {
    throw new PitrError({
      kind: 'validation',
      code: 'nul-in-argument',
      message: `a command argument holds a NUL character, which no program can be given: ${JSON.stringify(word)}`,
      next: ['Pass binary data by stdin or in a file.'],
    });
  }
  if ((PLAIN.test(word) || PLAIN_OPTION.test(word)) && !RESERVED.has(word)) return word;
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/**
 * The same for whatever shell a login user has: to fish a backslash within single quotes is an escape of the next one, or of
 * the quote behind it.
 */
export function quoteForAnyShell(word: string): string {
  return word
    .split(/\\(?=[\\']|$)/)
    .map(quote)
    .join('\\\\');
}

/** An argument list as one would type it: every word quoted where it must be. */
export function commandLine(argv: readonly string[]): string {
  return argv.map(quote).join(' ');
}
