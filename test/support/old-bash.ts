import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** bash before 5.1 writes every here-document to a file: here to one that may not grow, as on a disk that is full. */
export const OLD_BASH_ON_A_FULL_DISK = `trap '' XFSZ; ulimit -f 0; export BASH_COMPAT=5.0`;

/** A directory of programs gets a `sh` that is bash, with this done first. */
export async function shOf(programs: string, first: string): Promise<void> {
  const text = `#!/bin/bash\n${first}\nexec bash --posix "$@"\n`;
  await writeFile(join(programs, 'sh'), text, { mode: 0o755 });
}
