import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { PitrError } from '../../../../../lib/base/errors/pitr-error.ts';

/** Files in a directory of their own, removed when the test ends. */
export interface Folder extends AsyncDisposable {
  readonly path: string;
  /** The path of a file in it. */
  file(name: string): string;
}

export async function folder(files: Readonly<Record<string, string>>): Promise<Folder> {
  const root = await mkdtemp(path.join(tmpdir(), 'pitr-playbook-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
  }
  return {
    path: root,
    file: (name) => path.join(root, name),
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  };
}

/** An error as the operator reads it, with the folder's own path left out. */
export function shown(error: unknown, root: string): string {
  if (!(error instanceof PitrError)) throw error;
  const place = error.at === undefined ? '' : `at ${error.at.file}:${error.at.line}:${error.at.column}`;
  return [error.message, place, ...error.details, ...error.next]
    .filter((line) => line !== '')
    .join('\n')
    .replaceAll(`${root}/`, '')
    .replaceAll(root, '.');
}

/** What a promise is rejected with, as text. */
export async function refusal(promise: Promise<unknown>, root: string): Promise<string> {
  try {
    await promise;
  } catch (error) {
    return shown(error, root);
  }
  throw new Error('nothing was refused');
}
