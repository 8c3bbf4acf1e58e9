import { commandLine } from '../lib/transport/quote.ts';
import { inventoryWords } from './common-options.ts';

/** What a commit was asked for, as it is printed to be typed again. */
export interface CommitWords {
  /** How the operator named the run. */
  readonly reference: string;
  readonly inventories: readonly string[];
  /** The hosts that it is about; all without it. */
  readonly limit: string | undefined;
}

/** The same commit once more, with these words behind it. */
export function commitAgain(
  { reference, inventories, limit }: CommitWords,
  ...more: readonly string[]
): string {
  return commandLine([
    'pitr',
    'commit',
    reference,
    ...inventoryWords(inventories),
    ...(limit === undefined ? [] : ['--limit', limit]),
    ...more,
  ]);
}

/** The same commit without these hosts. What the inventory does not have is left out by any limit. */
export function commitWithout(words: CommitWords, hosts: readonly string[]): string {
  const limit = [words.limit ?? 'all', ...hosts.map((host) => `!${host}`)].join(':');
  return commitAgain({ ...words, limit });
}
