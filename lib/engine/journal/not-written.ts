import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { quote } from '../../transport/quote.ts';

export interface JournalPlace {
  readonly path: string;
  /** The command that goes on later. */
  readonly again?: string | undefined;
}

/** A journal that has records cannot take another one. */
export function notWritten(thrown: unknown, { path, again }: JournalPlace, state: string): PitrError {
  return told(thrown, { path, again }, state);
}

/** A journal cannot be made, so there is no run to go on with: neither it, nor the key that seals it, nor their directory. */
export function notBegun(thrown: unknown, path: string): PitrError {
  return told(thrown, { path }, 'nothing was changed');
}

function told(thrown: unknown, { path, again }: JournalPlace, state: string): PitrError {
  const code = thrown instanceof Error && 'code' in thrown ? thrown.code : undefined;
  const full = code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
  const place = whatIsThere(dirname(path));
  return new PitrError({
    kind: 'failed',
    code: 'journal-not-written',
    message: `the journal of the run cannot be written: ${thrown instanceof Error ? thrown.message : String(thrown)}`,
    details: [path, 'Without it nothing could be taken back, so no change begins without it.'],
    state,
    next: [
      full
        ? `Make room there: df -h ${quote(place)}`
        : `See what is wrong there: ls -ld ${quote(place)}; df -h ${quote(place)}`,
      again === undefined ? 'Then type the same command again.' : `Then go on: ${again}`,
    ],
    cause: thrown,
  });
}

/** The path itself, or the first above it that can be looked at. */
function whatIsThere(path: string): string {
  try {
    statSync(path);
    return path;
  } catch {
    return dirname(path) === path ? path : whatIsThere(dirname(path));
  }
}
