import { chmod, mkdir, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { changeRecoveryFiles, readRecoveryFiles } from '../../lib/recovery/postgres/look-recovery-files.ts';
import { isNothing, stepsToClean, stepsToPrepare } from '../../lib/recovery/postgres/recovery-files.ts';
import { localPlayground } from './playground.ts';

/** A cluster made with `initdb --allow-group-access` has 0750: who backs it up or watches it is of the group. */

const modeOf = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);

it.each([
  { what: 'the old data', old: 0o750, restored: 0o700, mode: '750', file: '640' },
  {
    what: 'the old data, though the group could read the backup',
    old: 0o700,
    restored: 0o750,
    mode: '700',
    file: '600',
  },
  {
    what: 'the backup where there is no old data',
    old: undefined,
    restored: 0o750,
    mode: '750',
    file: '640',
  },
  {
    what: 'no mode with which PostgreSQL would not start',
    old: 0o755,
    restored: 0o755,
    mode: '700',
    file: '600',
  },
])('restored data has the mode of $what', async ({ old, restored, mode, file }) => {
  await using ground = await localPlayground();
  const host = ground.play.host();
  const [pgdata, directory] = [join(ground.dir, 'main'), join(ground.dir, 'main.pitr')];
  for (const [path, bits] of [
    [pgdata, old],
    [directory, restored],
  ] as const) {
    if (bits === undefined) continue;
    await mkdir(path);
    await chmod(path, bits);
  }
  await writeFile(join(directory, 'postgresql.auto.conf'), "work_mem = '7MB'\n", { mode: 0o600 });
  const user = userInfo().username;
  const wish = { pgdata, autoConf: 'recover\n', signal: 'standby' } as const;
  const steps = stepsToPrepare(await readRecoveryFiles(host, { directory, pgdata, user }), wish);
  await changeRecoveryFiles(host, { directory, user, steps, prepares: true });
  expect(await modeOf(directory)).toBe(mode);
  expect(await modeOf(join(directory, 'postgresql.auto.conf'))).toBe(file);
  const again = await readRecoveryFiles(host, { directory, pgdata, user });
  expect(isNothing(stepsToPrepare(again, wish))).toBe(true);
  // once it lies in its place, and is cleared
  const placed = await readRecoveryFiles(host, { directory, pgdata: directory, user });
  const cleared = { directory, user, steps: stepsToClean(placed, ''), prepares: false };
  await changeRecoveryFiles(host, cleared);
  expect(await modeOf(directory)).toBe(mode);
  expect(await modeOf(join(directory, 'postgresql.auto.conf'))).toBe(file);
});

it('a change of a journal of before gives 0700', async () => {
  await using ground = await localPlayground();
  const directory = join(ground.dir, 'main');
  await mkdir(directory);
  await chmod(directory, 0o755);
  const steps = { write: [], remove: [], own: true };
  await changeRecoveryFiles(ground.play.host(), {
    directory,
    user: userInfo().username,
    steps,
    prepares: true,
  });
  expect(await modeOf(directory)).toBe('700');
});
