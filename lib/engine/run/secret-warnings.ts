import { stat } from 'node:fs/promises';
import type { Masker } from '../../base/values/masker.ts';
import { quote } from '../../transport/quote.ts';

const OTHERS = 0o077;

/**
 * What the operator should know about the secrets of a run before it begins: files with secrets that others can read
 * (`keyFiles` too), with the command that mends it; and secrets that cannot be masked wherever they stand.
 */
export async function secretWarnings(
  masker: Masker,
  keyFiles: Iterable<string> = [],
): Promise<readonly string[]> {
  const files = new Map<string, string>();
  for (const file of keyFiles) files.set(file, 'a private key');
  for (const [file, names] of masker.files()) files.set(file, names.join(', '));
  const open = await Promise.all([...files].map(([file, what]) => openToOthers(file, what)));
  const weak = masker.weak();
  return [
    ...open.filter((text) => text !== undefined),
    ...(weak.length === 0
      ? []
      : [
          `The value of ${weak.join(' and ')} is too short or too common a word to be masked wherever it stands: it is masked beside its name only. A longer secret is masked everywhere.`,
        ]),
  ];
}

async function openToOthers(file: string, what: string): Promise<string | undefined> {
  // What is not there any more, or was typed on the command line, has no mode that could be mended.
  const found = await stat(file).catch(() => undefined);
  if (found === undefined || !found.isFile() || (found.mode & OTHERS) === 0) return undefined;
  const mode = (found.mode & 0o7777).toString(8).padStart(4, '0');
  const own = process.getuid?.();
  const sudo = own === 0 || own === found.uid ? '' : 'sudo ';
  return `${file} holds secrets (${what}), and others than its owner may read it (mode ${mode}). Close it: ${sudo}chmod go= ${quote(file)}`;
}
