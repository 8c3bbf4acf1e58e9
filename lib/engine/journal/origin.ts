import { lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Chain, type ChainedLine } from './chain.ts';
import { type Key, readKey } from './key.ts';

/** Whether a journal is this controller's own, unchanged; or why it is not to be believed without a word. */
export type Origin =
  | { readonly own: true; readonly chain: Chain }
  | { readonly own: false; readonly why: string };

/**
 * Looks whose a journal is: the owner and the mode of its file and directory, and the chain of its lines, as they are read.
 * What was cut off at its end does not show.
 */
export class OriginLook {
  readonly #path: string;
  readonly #key: Key;
  readonly #chain: Chain | undefined;
  #chained = false;
  #broken: number | undefined;

  private constructor(path: string, key: Key) {
    this.#path = path;
    this.#key = key;
    this.#chain = 'flaw' in key ? undefined : new Chain(key.key);
  }

  static async begin(path: string): Promise<OriginLook> {
    return new OriginLook(path, await readKey());
  }

  /** The next line that counts, and its number. */
  take(line: ChainedLine, number: number): void {
    if (line.chain !== undefined) this.#chained = true;
    if (this.#broken === undefined && this.#chain?.follows(line) === false) this.#broken = number;
  }

  async origin(): Promise<Origin> {
    const places = await Promise.all([this.#path, dirname(this.#path)].map(flawOfPlace));
    const flaw = places.find((one) => one !== undefined);
    if (flaw !== undefined) return { own: false, why: flaw };
    if (this.#chain === undefined) {
      const why = 'flaw' in this.#key ? this.#key.flaw : '';
      return { own: false, why: `its lines cannot be proved: ${why}` };
    }
    if (!this.#chained)
      return { own: false, why: 'its lines are not chained: pitr 0.1.0 has written it, or somebody else' };
    return this.#broken === undefined
      ? { own: true, chain: this.#chain }
      : { own: false, why: `line ${this.#broken} was not written there by this controller, or was changed` };
  }
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
