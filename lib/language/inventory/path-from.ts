import { homedir } from 'node:os';
import { resolve } from 'node:path';

/** A path that an operator has written: `~` is his home, as a shell would have it; a relative one begins at `base`. */
export function pathFrom(base: string, path: string): string {
  return resolve(base, path.replace(/^~(?=\/|$)/, homedir()));
}
