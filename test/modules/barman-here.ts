import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalPlayground } from './playground.ts';

/** Works while Barman is one that has listed this, delivers the file `delivered` as each segment, and its configuration these files of the ground. */
export async function withBarman<T>(
  { dir }: Pick<LocalPlayground, 'dir'>,
  list: string,
  files: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const listed = join(dir, 'list-server.json');
  await writeFile(listed, list);
  for (const name of ['bin', 'home']) await mkdir(join(dir, name), { recursive: true });
  await writeFile(
    join(dir, 'bin/barman'),
    `#!/bin/sh\ncase $* in *keep*) echo 'Keep: nokeep' ;; get-wal*) exec cat ${dir}/delivered ;; *) cat ${listed} ;; esac\n`,
    { mode: 0o755 },
  );
  // Another user of this machine has a home of his own, where Barman's configuration is not.
  const runuser = `#!/bin/sh
t=$(printf '%s' "$6" | sed "1s|HOME=~$2 |HOME=${dir} |")
exec "$(PATH=\${PATH#*:}; command -v runuser)" -u "$2" -- sh -c "$t"
`;
  await writeFile(join(dir, 'bin/runuser'), runuser, { mode: 0o755 });
  for (const [path, text] of Object.entries(files)) await writeFile(join(dir, path), text);
  const { HOME, PATH } = process.env;
  try {
    Object.assign(process.env, { HOME: dir, PATH: `${dir}/bin:${PATH}` });
    return await work();
  } finally {
    Object.assign(process.env, { HOME, PATH });
  }
}

export const ID = '20261122T155813';
/** The cluster of db1, and another one. */
export const OWN = '7488913000000000001';
export const OTHER = '7488913000000000002';

const infoOf = async (systemId: string): Promise<string> =>
  (await readFile(new URL('../fixtures/barman/backup.info', import.meta.url), 'utf8'))
    .replace(/systemid=\d+/, `systemid=${systemId}`)
    .replace(/^size=.*$/m, 'size=1');

/** A server of its own cluster (`own`, where that matters) beside another one, whose lines and identity these are. */
export async function beside<T>(
  ground: LocalPlayground,
  other: { readonly systemId: string | undefined; readonly lines?: string; readonly own?: string },
  work: () => Promise<T>,
): Promise<T> {
  const { dir } = ground;
  await chmod(dir, 0o755);
  for (const place of ['db1/base', 'db1/wals', 'other/base', 'other/wals', 'other/errors'])
    await mkdir(join(dir, 'home', place), { recursive: true });
  await mkdir(join(dir, 'home/db1/base', ID), { recursive: true });
  await writeFile(join(dir, 'home/db1/base', ID, 'backup.info'), await infoOf(other.own ?? OWN));
  for (const file of ['PG_VERSION', 'backup_label', 'global/pg_control']) {
    await mkdir(join(dir, 'home/db1/base', ID, 'data', file, '..'), { recursive: true });
    await writeFile(join(dir, 'home/db1/base', ID, 'data', file), 'something');
  }
  if (other.systemId !== undefined)
    await writeFile(
      join(dir, 'home/other/identity.json'),
      JSON.stringify({ systemid: other.systemId }, null, 1).replace('":"', '": "'),
    );
  const files = {
    '.barman.conf': `[barman]\nbarman_home = ${dir}/home\n[db1]\n[other]\n${other.lines ?? ''}\n`,
  };
  return withBarman(ground, '{"db1": {"description": ""}, "other": {"description": ""}}', files, work);
}
