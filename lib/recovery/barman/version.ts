/** A version of Barman, comparable as a number: 3.4.0 is 30400. */
export type BarmanVersion = number;

/** Reads `3.4.0 Barman by EnterpriseDB (www.enterprisedb.com)`; nothing when there is no version in it. */
export function parseVersion(text: string): BarmanVersion | undefined {
  const match = /(?:^|\s)v?(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
  if (match === null) return undefined;
  return Number(match[1]) * 10_000 + Number(match[2]) * 100 + Number(match[3] ?? 0);
}

export function formatVersion(version: BarmanVersion): string {
  return `${Math.floor(version / 10_000)}.${Math.floor(version / 100) % 100}.${version % 100}`;
}

/** The oldest version whose options and files are known here. */
export const OLDEST_KNOWN: BarmanVersion = 30_400;

/** How a copy that was interrupted goes on. */
type Continuation =
  /** The same command again: rsync sends what is missing. */
  | 'again'
  /** With `--delta-restore`. */
  | 'delta'
  /** The destination must be emptied first: Barman refuses one that is not. */
  | 'afresh';

/**
 * What `barman recover` can do, by version. (`recover` itself is called `restore` since 3.12 and still answers to its
 * old name in all of them.)
 */
export interface RecoverAbilities {
  readonly continuation: Continuation;
  /** How the place for unpacking a compressed backup is named. */
  readonly staging: '--recovery-staging-path' | '--staging-path';
}

/**
 * Looks the abilities up. Barman 3.15 began to insist on an empty destination; 3.16 brought `--delta-restore`, which
 * was broken until 3.17.
 */
export function recoverAbilities(version: BarmanVersion): RecoverAbilities {
  return {
    continuation: version < 31_500 ? 'again' : version < 31_700 ? 'afresh' : 'delta',
    staging: version < 31_500 ? '--recovery-staging-path' : '--staging-path',
  };
}
