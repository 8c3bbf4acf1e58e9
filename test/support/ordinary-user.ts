import { chmod } from 'node:fs/promises';
import { userInfo } from 'node:os';

/** Somebody to whom a closed directory is closed: root may look into all of them. */
export const ordinaryUser = userInfo().uid === 0 ? 'nobody' : userInfo().username;

/** Who may enter no closed directory finds one here: opened again when disposed, so that it can be removed. */
export async function closed(directory: string): Promise<AsyncDisposable> {
  await chmod(directory, 0o000);
  return {
    [Symbol.asyncDispose]: () => chmod(directory, 0o755),
  };
}
