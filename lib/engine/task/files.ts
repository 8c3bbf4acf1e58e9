import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat, statfs } from 'node:fs/promises';
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
  const seen = await versionOf(path);
  const known = shared.get(path);
  const file = known?.version === seen.version ? known.file : newFile(path, seen);
  shared.set(path, { version: seen.version, file });
  return file;
}

interface Seen {
  readonly version: string;
  readonly size: number;
  /** When it was last changed in any way, in milliseconds since the epoch. */
  readonly changedMs: number;
}

async function versionOf(path: string): Promise<Seen> {
  const { dev, ino, size, mtimeNs, ctimeNs, ctimeMs } = await stat(path, { bigint: true });
  return {
    version: [dev, ino, size, mtimeNs, ctimeNs].join(' '),
    size: Number(size),
    changedMs: Number(ctimeMs),
  };
}

/** Of file systems whose times this machine sets itself, and shows at once: ext, XFS, btrfs, ZFS, tmpfs, overlay. */
const OWN_TIMES: ReadonlySet<number> = new Set([
  0xef53, 0x58465342, 0x9123683e, 0x2fc12fc1, 0x01021994, 0x794c7630,
]);
/** The clock of a file system may stand still for so long: two changes within it have one time. */
const CLOCK_TICK_MS = 1000;

const shared = new Map<string, { readonly version: string; readonly file: ControllerFile }>();

function newFile(path: string, { version, size, changedMs }: Seen): ControllerFile {
  let hash: Promise<string> | undefined;
  let hashedAtMs = Number.NEGATIVE_INFINITY;
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
      if (hash === undefined) hashedAtMs = Date.now();
      hash ??= hashOf(path);
      hash.catch(() => {
        hash = undefined;
      });
      return hash;
    },
    isAsHashed: async () => {
      if (hashedAtMs - changedMs < CLOCK_TICK_MS) return false;
      const [now, { type }] = await Promise.all([versionOf(path), statfs(path)]);
      return now.version === version && OWN_TIMES.has(type);
    },
  };
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  // In pieces of the usual size it would take three times as long.
  for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) hash.update(chunk);
  return hash.digest('hex');
}
