import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ControllerFile } from '../../contract/module.ts';

/** Finds a file that a playbook names: the first of the directories that has it. Throws kind `validation`. */
export async function findControllerFile(name: string, directories: readonly string[]): Promise<string> {
  const candidates = isAbsolute(name) ? [name] : directories.map((directory) => join(directory, name));
  for (const candidate of candidates) {
    const found = await stat(candidate).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw error;
    });
    if (found?.isFile()) return candidate;
  }
  throw new PitrError({
    kind: 'validation',
    code: 'controller-file-missing',
    message: `there is no file "${name}"`,
    details: candidates.map((candidate) => `looked at ${candidate}`),
  });
}

/** A file on the controller, read only as far as it is needed. */
export async function controllerFile(path: string): Promise<ControllerFile> {
  const { size } = await stat(path);
  let hash: Promise<string> | undefined;
  return {
    path,
    size,
    bytes: () => readFile(path),
    sha256: () => {
      hash ??= hashOf(path);
      return hash;
    },
  };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}
