import { readFile, stat } from 'node:fs/promises';
import { PitrError } from '../lib/base/errors/pitr-error.ts';
import { Secret } from '../lib/base/values/secret.ts';
import { quote } from '../lib/transport/quote.ts';

/** The variable that what is not said of a host is taken from. */
export const BECOME_PASSWORD = 'pitr_become_password';

const OTHERS_MAY_READ = 0o044;

/**
 * The first line of the file that `PITR_BECOME_PASSWORD_FILE` names; with a warning where others may read it. Throws
 * kind `validation` where it cannot be read, or holds none.
 */
export async function readBecomePassword(
  path: string,
): Promise<{ readonly password: Secret; readonly warning?: string }> {
  const refused = (why: string, cause?: unknown) =>
    new PitrError({
      kind: 'validation',
      code: 'become-password-unreadable',
      message: `the file of PITR_BECOME_PASSWORD_FILE ${why}: ${path}`,
      next: ['Write the password into its first line, and let only you read it: chmod 600.'],
      ...(cause === undefined ? {} : { cause }),
    });
  let text: string;
  let mode: number;
  try {
    text = await readFile(path, 'utf8');
    mode = (await stat(path)).mode;
  } catch (error) {
    throw refused('cannot be read', error);
  }
  const password = text.split(/\r?\n/)[0] ?? '';
  if (password === '') throw refused('has an empty first line');
  return {
    password: new Secret(password),
    ...((mode & OTHERS_MAY_READ) === 0
      ? {}
      : { warning: `others may read the become password: chmod 600 ${quote(path)}` }),
  };
}
