import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readLayout } from '../../lib/recovery/postgres/layout.ts';
import { localPlayground } from './playground.ts';
import { programAt } from './program-at.ts';
import { startedAmidMoves } from './started-amid.ts';

const OF_THE_PLACE = ['.snapshot', 'lost+found'];
const DATA = ['PG_VERSION', 'a b', 'base', 'global', 'pg_wal'];

/** A data directory as it lies in a mount point. */
async function data() {
  const ground = await localPlayground();
  const pgdata = join(ground.dir, 'main');
  await mkdir(pgdata, { mode: 0o700 });
  for (const name of ['.snapshot', 'lost+found', 'base', 'global']) await mkdir(join(pgdata, name));
  await writeFile(join(pgdata, 'PG_VERSION'), '15\n');
  await writeFile(join(pgdata, 'a b'), 'x');
  await symlink('/srv/wal', join(pgdata, 'pg_wal'));
  const into = join(pgdata, 'data');
  return { ...ground, pgdata, into, [Symbol.asyncDispose]: () => ground[Symbol.asyncDispose]() };
}

const names = async (path: string) => (await readdir(path)).toSorted();

describe('postgres.move_below', () => {
  it('moves all of the data and nothing else, once, and takes back what lies there by then', async () => {
    await using ground = await data();
    const { play, pgdata, into } = ground;
    expect((await play.run('postgres.move_below', { pgdata, into })).status).toBe('changed');
    expect([await names(pgdata), await names(into)]).toEqual([
      ['.snapshot', 'data', 'lost+found'],
      DATA.toSorted(),
    ]);
    expect(((await stat(into)).mode & 0o7777).toString(8)).toBe('700');
    expect((await play.run('postgres.move_below', { pgdata, into })).status).toBe('ok');
    await writeFile(join(into, 'postmaster.opts'), 'since');
    await play.undo();
    expect(await names(pgdata)).toEqual([...OF_THE_PLACE, ...DATA, 'postmaster.opts'].toSorted());
  });

  it.each([0, 1, 3, DATA.length])('goes on, and goes back, after %i names', async (moved) => {
    for (const back of [false, true]) {
      await using ground = await data();
      const { play, pgdata, into } = ground;
      await play.run('postgres.move_below', { pgdata, into });
      const order = ['PG_VERSION', ...DATA.filter((name) => name !== 'PG_VERSION')];
      for (const name of order.slice(moved)) await rename(join(into, name), join(pgdata, name));
      if (back) {
        await play.undo();
        await play.undo().catch(() => undefined);
        expect(await names(pgdata)).toEqual([...OF_THE_PLACE, ...DATA].toSorted());
      } else {
        await play.run('postgres.move_below', { pgdata, into });
        expect(await names(into)).toEqual(DATA.toSorted());
      }
    }
  });

  it('gives a directory that a dead controller has only made the mode of the old one', async () => {
    await using ground = await data();
    const { play, pgdata, into } = ground;
    await mkdir(into, { mode: 0o755 });
    await play.run('postgres.move_below', { pgdata, into });
    expect((await stat(into)).mode & 0o777).toBe(0o700);
  });

  it('does so into nothing that is there, and from nothing that is no data', async () => {
    await using ground = await data();
    const { play, pgdata, into } = ground;
    const run = () => play.run('postgres.move_below', { pgdata, into });
    await mkdir(into);
    await writeFile(join(into, 'theirs'), 'x');
    await expect(run()).rejects.toMatchObject({ kind: 'refused', code: 'destination-exists' });
    await rm(into, { recursive: true });
    await writeFile(into, 'a file');
    await expect(run()).rejects.toMatchObject({ kind: 'refused', code: 'destination-exists' });
    await rm(into);
    await rm(join(pgdata, 'PG_VERSION'));
    await expect(run()).rejects.toMatchObject({ kind: 'refused', code: 'no-data-to-move' });
    await expect(
      play.run('postgres.move_below', { pgdata, into: join(pgdata, 'a/b') }),
    ).rejects.toMatchObject({
      code: 'not-right-below',
    });
  });

  it('moves nothing, in neither direction, while a PostgreSQL works there', async () => {
    await using ground = await data();
    const { play, pgdata, into, dir } = ground;
    {
      await using _ = await programAt(dir, 'postgres', pgdata);
      await expect(play.run('postgres.move_below', { pgdata, into })).rejects.toMatchObject({
        code: 'postgres-at-work',
      });
    }
    expect(await names(pgdata)).toEqual([...OF_THE_PLACE, ...DATA].toSorted());
    await play.run('postgres.move_below', { pgdata, into });
    await using _ = await programAt(dir, 'postgres', into);
    await expect(play.undo()).rejects.toMatchObject({ code: 'postgres-at-work' });
    expect(await names(into)).toEqual(DATA.toSorted());
  });

  it('has moved nothing where a PostgreSQL has begun in the middle: it is refused, and counts as not begun', async () => {
    await using ground = await data();
    const { play, pgdata, into, dir } = ground;
    {
      await using _ = await startedAmidMoves(dir, pgdata);
      await expect(play.run('postgres.move_below', { pgdata, into })).rejects.toMatchObject({
        kind: 'refused',
        code: 'postgres-at-work',
      });
      expect(await names(pgdata)).toEqual([...OF_THE_PLACE, ...DATA].toSorted());
    }
    await play.run('postgres.move_below', { pgdata, into });
    expect(await names(into)).toEqual(DATA.toSorted());
  });

  it('is not taken back over or beside what has come there since, which is told beforehand', async () => {
    await using ground = await data();
    const { play, pgdata, into } = ground;
    await play.run('postgres.move_below', { pgdata, into });
    const [entry] = play.journal;
    if (entry === undefined) throw new Error('nothing was journalled');
    await play.mayUndo(entry);
    for (const name of ['base', 'data.pre-pitr.20260101T000000-aaaa']) {
      await writeFile(join(pgdata, name), 'theirs');
      await expect(play.mayUndo(entry)).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
      await expect(play.undoEntry(entry)).rejects.toMatchObject({ code: 'changed-since' });
      expect(await readFile(join(pgdata, name), 'utf8')).toBe('theirs');
      await rm(join(pgdata, name));
    }
  });
});

it('what would break by a move is told: links that are relative or lead into the data', async () => {
  await using ground = await data();
  const { play, pgdata } = ground;
  await mkdir(join(pgdata, 'pg_tblspc'));
  await mkdir(join(pgdata, 'ts'));
  expect((await readLayout(play.host(), pgdata)).fixed).toEqual([]);
  await symlink('/srv/fast', join(pgdata, 'pg_tblspc/1'));
  await symlink('../ts', join(pgdata, 'pg_tblspc/2'));
  await symlink(join(pgdata, 'ts'), join(pgdata, 'pg_tblspc/3'));
  await symlink('../wal', join(pgdata, 'wal'));
  expect((await readLayout(play.host(), pgdata)).fixed).toEqual([
    'wal is a link to ../wal, which is no absolute path',
    'pg_tblspc/2 is a link to ../ts, which is no absolute path',
    `pg_tblspc/3 is a link to ${pgdata}/ts, which lies in it`,
  ]);
});
