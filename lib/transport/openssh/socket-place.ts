import { lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where a client's socket may lie. */
export interface SocketPlace {
  readonly socket: string;
  /** Takes away what is left of it. */
  readonly clear: () => void;
}

/**
 * A place in `directory` in which nobody else can make anything: the client makes its socket only when it is logged in, and its
 * words are for all to see, so that somebody could be there before it, and have all that goes through it. One directory for
 * all of a user's, as other programs have: what a killed controller leaves there is its client's to remove. Where its name is
 * taken by somebody else, a new one.
 */
export function socketPlace(directory: string, name: string): SocketPlace {
  const own = join(directory, `.pitr-ssh-${process.getuid?.() ?? 0}`);
  if (isOurs(own)) {
    const socket = join(own, name);
    return { socket, clear: () => rmSync(socket, { force: true }) };
  }
  const alone = mkdtempSync(join(directory, '.pitr-ssh-'));
  return { socket: join(alone, name), clear: () => rmSync(alone, { recursive: true, force: true }) };
}

function isOurs(path: string): boolean {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (thrown) {
    if (!(thrown instanceof Error && 'code' in thrown && thrown.code === 'EEXIST')) throw thrown;
  }
  const { uid, mode } = lstatSync(path);
  // By what the link itself is: another one's link is no directory.
  return uid === process.getuid?.() && (mode & 0o170_777) === 0o040_700;
}
