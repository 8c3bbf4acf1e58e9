import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, realpath, rename, rm, stat } from 'node:fs/promises';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';

const { O_CREAT, O_EXCL, O_WRONLY } = constants;

/**
 * Writes a file that its owner alone may read; with `force` in the place of one that is there, which stays as it is until
 * the new one is whole on disk. `typed`: as it was named.
 */
export async function writeNew(file: string, typed: string, text: string, force: boolean): Promise<void> {
  try {
    const there = force ? await stat(file).catch(() => undefined) : undefined;
    if (there === undefined) await writeWhole(file, O_WRONLY | O_CREAT | O_EXCL, text);
    else if (there.isFile()) await replace(await realpath(file), text);
    else await writeWhole(file, O_WRONLY, text);
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

async function replace(file: string, text: string): Promise<void> {
  const beside = `${file}.${randomBytes(4).toString('hex')}.tmp`;
  await writeWhole(beside, O_WRONLY | O_CREAT | O_EXCL, text);
  try {
    await rename(beside, file);
  } catch (thrown) {
    await rm(beside, { force: true });
    throw thrown;
  }
}

/** A file that it makes and cannot fill does not stay. */
async function writeWhole(file: string, flags: number, text: string): Promise<void> {
  await using handle = await open(file, flags, 0o600);
  try {
    await handle.writeFile(text);
    if ((await handle.stat()).isFile()) await handle.sync();
  } catch (thrown) {
    if ((flags & O_EXCL) !== 0) await rm(file, { force: true });
    throw thrown;
  }
}
