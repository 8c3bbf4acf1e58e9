import { commandLine } from '../../lib/transport/quote.ts';
import { inventoryWords } from '../common-options.ts';
import { wordsForSecrets } from '../ways.ts';

/** What examines the site of a new inventory. That holds no secret, so those that were given are given again. */
export function provingCommand(path: string, secrets: readonly string[]): string {
  return commandLine(['pitr', 'doctor', ...inventoryWords([path]), ...wordsForSecrets(secrets)]);
}
