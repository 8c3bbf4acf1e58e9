import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { localPlayground } from './playground.ts';
import { NAME, user } from './wal-here.ts';

const SIZE = 16 * 1024 * 1024;

it('a directory of somebody else is no spool: nothing comes to it, and nothing of it goes', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const directory = join(dir, 'mine');
  await mkdir(directory);
  await writeFile(join(directory, NAME), 'mine');
  const runs = [{ server: 'db1', wals: join(dir, 'wals'), first: NAME, last: NAME }];
  const params = { directory, user, wal: { segment_size: SIZE, runs } };
  expect(await errorOf(play.run('barman.spool', params))).toMatchObject({ code: 'spool-place-in-use' });
  // What the refusal names as the way to do without.
  const none = await play.run('barman.spool', { ...params, limit: 0 });
  expect(none.status).toBe('ok');
  expect(none.result).not.toHaveProperty('directory');
  const removed = await play.run('barman.spool', { directory, user, state: 'absent' });
  expect(removed.status).toBe('ok');
  expect(play.warnings).toEqual([`${directory} is no spool of pitr's, and stays as it is`]);
  expect(await readdir(directory)).toEqual([NAME]);
});

it.each([
  [
    'something in it cannot be deleted',
    'pitr-spool',
    'on here could not be removed. Nothing needs it any more: remove it by hand.',
  ],
  ["it is somebody else's by now", 'mine', "is no spool of pitr's, and stays as it is"],
])('an undo goes on where the spool cannot be removed, and says so: %s', async (_, file, words) => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const directory = join(dir, 'spool');
  await mkdir(directory);
  await writeFile(join(directory, file), '');
  await using _programs = await fakePrograms({ rm: 'exit 1', sleep: 'exit 0' });
  const change = { summary: 'let a WAL segment come', directory, user, removes: false };
  await play.undoEntry({
    ...{ host: 'here', module: 'barman.spool', change: JSON.stringify(change), undoable: true },
  });
  expect(play.warnings).toEqual([`${directory} ${words}`]);
  expect(await readdir(directory)).toEqual([file]);
});
