import { lstatSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

/** Where a client's socket may lie. */
export interface SocketPlace {
  readonly socket: string;
  /** Takes away what is left of it. */
  readonly clear: () => void;
}

const PREFIX = '.pitr-ssh-';
/** A directory in whose name the client finds no tokens. */
const WITHOUT_TOKENS = /^[ -#&-~]+$/;
/** The path of a socket may have so many bytes on macOS, and four more on Linux. */
const MOST_BYTES = 103;
/** The client makes it under a name that is so much longer, and renames it then. */
const CLIENT_ADDS = 17;

/**
 * A place in `directory` in which nobody else can make anything: the client makes its socket only when it is logged in, and its
 * words are for all to see, so that somebody could be there before it, and have all that goes through it. One directory for
 * all of a user's, as other programs have: what a killed controller leaves there is its client's to remove. Where its name is
 * taken by somebody else, a new one. In /tmp where `directory` has a name that no socket can have. Throws what the system
 * says where nothing can be made there.
 */
export function socketPlace(directory: string, name: string): SocketPlace {
  const user = String(process.getuid?.() ?? 0);
  const within = takesSockets(directory, user, name) ? directory : '/tmp';
  const own = join(within, `${PREFIX}${user}`);
  if (isOurs(own)) {
    const socket = join(own, name);
    return { socket, clear: () => rmSync(socket, { force: true }) };
  }
  const alone = mkdtempSync(join(within, PREFIX));
  return { socket: join(alone, name), clear: () => rmSync(alone, { recursive: true, force: true }) };
}

/** Whether both of its places, that of its user's name and a new one, have paths that are not too long. */
function takesSockets(directory: string, user: string, name: string): boolean {
  const paths = [user, 'XXXXXX'].map((ending) => join(directory, `${PREFIX}${ending}`, name));
  return (
    WITHOUT_TOKENS.test(directory) &&
    paths.every((path) => Buffer.byteLength(path) + CLIENT_ADDS <= MOST_BYTES)
  );
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
