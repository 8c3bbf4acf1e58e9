import { randomBytes, randomUUID } from 'node:crypto';
import { link, open, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../../base/files/make-directory.ts';
import { quote } from '../../transport/quote.ts';
import { stateDirectory } from './place.ts';

const NAME = 'journal.key';
const BYTES = 32;

/** The key with which a controller chains its journals, or why there is none that can be believed. */
export type Key = { readonly key: Buffer } | { readonly flaw: string };

/** Looks at the key of this controller, and makes none. */
export async function readKey(directory: string = stateDirectory()): Promise<Key> {
  const path = join(directory, NAME);
  try {
    const { uid, mode } = await stat(path);
    if (uid !== process.getuid?.()) return { flaw: `the key ${path} belongs to somebody else (uid ${uid})` };
    if ((mode & 0o077) !== 0) return { flaw: `others can read the key ${path}: chmod 600 ${quote(path)}` };
    const key = Buffer.from((await readFile(path, 'utf8')).trim(), 'hex');
    return key.length === BYTES ? { key } : { flaw: `${path} holds no key` };
  } catch (error) {
    const absent = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return { flaw: absent ? 'this controller has no key yet' : `the key cannot be read: ${String(error)}` };
  }
}

/**
 * The key of this controller, made when it is asked for first, readable by its owner alone. Where there is one that is
 * not to be believed, that is told, and it is not replaced. Throws what the file system says.
 */
export async function ownKey(directory: string = stateDirectory()): Promise<Key> {
  makeDirectory(directory);
  const path = join(directory, NAME);
  const draft = `${path}.${randomUUID()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${randomBytes(BYTES).toString('hex')}\n`);
    await file.sync();
    // Whoever comes first has it: a key that is there is never replaced, and none is ever seen half written.
    await link(draft, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  } finally {
    await file.close();
    await unlink(draft);
  }
  return readKey(directory);
}
