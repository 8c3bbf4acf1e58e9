import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { fakePrograms } from '../support/fake-programs.ts';
import { closed, ordinaryUser } from '../support/ordinary-user.ts';
import { localPlayground } from './playground.ts';

/** Where pg_basebackup could make a tablespace, as the user that it works as. */

it('a place is free where it is an empty directory, or one that can be made', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const at = (name: string): string => join(dir, name);
  await chmod(dir, 0o755);
  for (const name of ['open/empty', 'open/full', 'open/volume/lost+found', 'open/shut', 'shut/in'])
    await mkdir(at(name), { recursive: true });
  for (const name of ['open', 'open/empty', 'open/full', 'open/volume']) await chmod(at(name), 0o777);
  await writeFile(at('open/full/.hidden'), '');
  await writeFile(at('open/file'), '');
  await symlink(at('open/empty'), at('open/link'));
  await symlink(at('nowhere'), at('open/dangling'));
  await using _shut = await closed(at('open/shut'));
  await using _in = await closed(at('shut'));
  const why = async (...names: readonly string[]): Promise<unknown> => {
    const tablespaces = names.map((name) => ({ place: at(name), bytes: 1 }));
    const { result } = await play.run('postgres.free_places', { tablespaces, user: ordinaryUser });
    return (result.why as readonly string[]).map((line) => line.replaceAll(dir, 'DIR'));
  };
  expect(await why('open/empty', 'open/link', 'open/new', 'open/new/one below', 'open/empty/in')).toEqual([]);
  expect(
    await why(
      'open/full',
      'open/volume',
      'open/file',
      'open/dangling',
      'open/shut',
      'shut/in',
      'new',
      'open/file/in',
    ),
  ).toEqual([
    'DIR/open/full holds .hidden',
    'DIR/open/volume holds lost+found',
    'DIR/open/file is no directory',
    'DIR/open/dangling is no directory',
    `DIR/open/shut is a directory that ${ordinaryUser} may not write in`,
    `DIR/shut/in is where ${ordinaryUser} may not look`,
    `DIR/new is not there, and ${ordinaryUser} cannot make it in DIR`,
    `DIR/open/file/in is not there, and ${ordinaryUser} cannot make it in DIR/open/file`,
  ]);
});

it('is told with the stat of uutils, too', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  await using _ = await fakePrograms({
    stat: `for path do :; done
case $path in
*/new) echo "stat: cannot stat '$path': No such file or directory (os error 2)" >&2; exit 1 ;;
*/shut/in) echo "stat: cannot stat '$path': Permission denied (os error 13)" >&2; exit 1 ;;
esac
exec /usr/bin/stat "$@"`,
  });
  const user = userInfo().username;
  const tablespaces = ['new', 'shut/in'].map((name) => ({ place: join(dir, name), bytes: 1 }));
  const { result } = await play.run('postgres.free_places', { tablespaces, user });
  expect(result.why).toEqual([`${join(dir, 'shut/in')} is where ${user} may not look`]);
  expect((await play.run('fs.stat', join(dir, 'new'))).result).toMatchObject({ exists: false });
});

it('whether it is free cannot be told where its way leads round in a circle', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  await symlink(join(dir, 'round'), join(dir, 'round'));
  const tablespaces = [{ place: join(dir, 'round/in'), bytes: 1 }];
  await expect(
    play.run('postgres.free_places', { tablespaces, user: userInfo().username }),
  ).rejects.toMatchObject({ code: 'places-unknown' });
});
