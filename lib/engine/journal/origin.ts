import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Chain } from './chain.ts';
import { readKey } from './key.ts';
import type { JournalLines } from './lines.ts';

/** Whether a journal is this controller's own, unchanged; or why it is not to be believed without a word. */
export type Origin =
  | { readonly own: true; readonly chain: Chain }
  | { readonly own: false; readonly why: string };

/**
 * Looks whose a journal is: the owner and the mode of its file and directory, and the chain of its lines. What was cut
 * off at its end does not show.
 */
export async function originOf(path: string, { chained }: Pick<JournalLines, 'chained'>): Promise<Origin> {
  const places = await Promise.all([path, dirname(path)].map(flawOfPlace));
  const flaw = places.find((one) => one !== undefined);
  if (flaw !== undefined) return { own: false, why: flaw };
  const key = await readKey();
  if ('flaw' in key) return { own: false, why: `its lines cannot be proved: ${key.flaw}` };
  if (chained.every(({ chain }) => chain === undefined))
    return { own: false, why: 'its lines are not chained: pitr 0.1.0 has written it, or somebody else' };
  const chain = new Chain(key.key);
  const broken = chained.find((line) => !chain.follows(line));
  return broken === undefined
    ? { own: true, chain }
    : { own: false, why: `line ${broken.number} was not written there by this controller, or was changed` };
}

async function flawOfPlace(path: string): Promise<string | undefined> {
  const found = await lstat(path);
  const { uid, mode } = found;
  if (found.isSymbolicLink()) return `${path} is a link`;
  if (uid !== process.getuid?.()) return `${path} belongs to somebody else (uid ${uid})`;
  return (mode & 0o022) === 0
    ? undefined
    : `others may write to ${path} (mode ${(mode & 0o7777).toString(8).padStart(4, '0')})`;
}
