import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ControllerFile } from '../../contract/module.ts';

/** Finds a file that a playbook names: the first of the directories that has it. Throws kind `validation`. */
export async function findControllerFile(name: string, directories: readonly string[]): Promise<string> {
  const candidates = isAbsolute(name) ? [name] : directories.map((directory) => join(directory, name));
  let directory: string | undefined;
  for (const candidate of candidates) {
    const found = await stat(candidate).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (found?.isFile()) return candidate;
    if (found?.isDirectory()) directory ??= candidate;
  }
  if (directory !== undefined) {
    throw new PitrError({
      kind: 'validation',
      code: 'controller-file-missing',
      message: `"${name}" is a directory, and a file is wanted: ${directory}`,
      next: ['Name a file in it. A whole directory is copied by fs.tree, with from: localhost.'],
    });
  }
  throw new PitrError({
    kind: 'validation',
    code: 'controller-file-missing',
    message: `there is no file "${name}"`,
    details: candidates.map((candidate) => `looked at ${candidate}`),
  });
}

/**
 * A file on the controller, read only as far as it is needed. Hosts that ask for it at the same time share what was read
 * and hashed, as long as the file is the same by inode, size and time.
 */
export async function controllerFile(path: string): Promise<ControllerFile> {
  const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
  const version = [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  const known = shared.get(path);
  const file = known?.version === version ? known.file : newFile(path, Number(size));
  shared.set(path, { version, file });
  return file;
}

const shared = new Map<string, { readonly version: string; readonly file: ControllerFile }>();

function newFile(path: string, size: number): ControllerFile {
  let hash: Promise<string> | undefined;
  let bytes: WeakRef<Promise<Uint8Array>> | undefined;
  return {
    path,
    size,
    bytes: () => {
      // Held only as long as somebody works with it.
      const read = bytes?.deref() ?? readFile(path);
      bytes = new WeakRef(read);
      return read;
    },
    sha256: () => {
      hash ??= hashOf(path);
      hash.catch(() => {
        hash = undefined;
      });
      return hash;
    },
  };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  // In pieces of the usual size it would take three times as long.
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest('hex');
}
