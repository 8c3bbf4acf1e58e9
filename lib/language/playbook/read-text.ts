import { readFile } from 'node:fs/promises';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { utf8Text } from '../../base/values/utf8.ts';

/** The text of a file. Throws what `unreadable` makes of the reason where it cannot be read, and says where it is no UTF-8. */
export async function readText(
  file: string,
  unreadable: (why: string, cause: unknown) => PitrError,
): Promise<string> {
  try {
    return utf8Text(await readFile(file), file);
  } catch (error) {
    if (error instanceof PitrError) throw error;
    throw unreadable(error instanceof Error ? error.message : String(error), error);
  }
}
