import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** A `find` that refuses what that of busybox does not know. */
export const BUSYBOX_FIND = `for word do
  [ "$word" != -printf ] || { echo 'find: unrecognized: -printf' >&2; exit 1; }
done
exec /usr/bin/find "$@"`;

/** Programs of this machine that answer as a test wants, by their names: what a `sh` runs. Until they are disposed of. */
export async function fakePrograms(programs: Readonly<Record<string, string>>) {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-programs-'));
  for (const [name, script] of Object.entries(programs))
    await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const before = process.env.PATH;
  process.env.PATH = `${directory}${delimiter}${before ?? ''}`;
  return {
    [Symbol.asyncDispose]: async () => {
      process.env.PATH = before;
      await rm(directory, { recursive: true, force: true });
    },
  };
}
