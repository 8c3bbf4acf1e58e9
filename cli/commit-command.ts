import { commandLine } from '../lib/transport/quote.ts';

/** What a commit was asked for, as it is printed to be typed again. */
export interface CommitWords {
  /** How the operator named the run. */
  readonly reference: string;
  /** What was said of which hosts, and with which variables (-i, -e and so on). */
  readonly site: readonly string[];
  /** The hosts that it is about; all without it. */
  readonly limit: string | undefined;
  /** Whether a journal that is not this controller's own was to be believed. */
  readonly trust: boolean;
  /** The run whose lock is done without; absent where the lock is taken. */
  readonly withoutLock?: string | undefined;
}

/** The same commit once more, with these words behind it. */
export function commitAgain(
  { reference, site, limit, trust, withoutLock }: CommitWords,
  ...more: readonly string[]
): string {
  return commandLine([
    'pitr',
    'commit',
    reference,
    ...site,
    ...(limit === undefined ? [] : ['--limit', limit]),
    ...(trust ? ['--trust-journal'] : []),
    ...(withoutLock === undefined ? [] : ['--without-lock', withoutLock]),
    ...more,
  ]);
}

/** The same commit without these hosts. What the inventory does not have is left out by any limit. */
export function commitWithout(words: CommitWords, hosts: readonly string[]): string {
  const limit = [words.limit ?? 'all', ...hosts.map((host) => `!${host}`)].join(':');
  return commitAgain({ ...words, limit });
}
