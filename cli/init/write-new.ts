import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';

const { O_CREAT, O_EXCL, O_WRONLY } = constants;

/** Writes a file that its owner alone may read, also over one that others may. `typed`: as it was named. */
export async function writeNew(file: string, typed: string, text: string, force: boolean): Promise<void> {
  try {
    await using handle = await open(file, O_WRONLY | O_CREAT | (force ? 0 : O_EXCL), 0o600);
    // Nothing is in it when it is closed to others, and nothing of it is gone where it cannot be.
    if ((await handle.stat()).isFile()) {
      await handle.chmod(0o600);
      await handle.truncate();
    }
    await handle.writeFile(text);
  } catch (thrown) {
    const exists = thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST';
    throw new PitrError({
      kind: exists ? 'refused' : 'failed',
      // The file for the inventory is there already, or cannot be written.
      code: exists ? 'inventory-exists' : 'inventory-not-written',
      message: exists ? `${typed} is there already` : `${typed} cannot be written: ${String(thrown)}`,
      state: 'nothing was written',
      next: exists ? ['Name another file: -o other.yml', 'To overwrite it: --force'] : undefined,
      cause: thrown,
    });
  }
}
