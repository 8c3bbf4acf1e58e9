import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { differences } from '../../lib/system/fs/tree-manifest.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { Playground } from './playground.ts';

/** Two connections to this machine stand for two hosts; the bytes take the same way. */
async function twoHosts() {
  const dir = await mkdtemp(join(tmpdir(), 'pitr-tree-'));
  const play = new Playground({ here: { kind: 'local' }, there: { kind: 'local' } });
  await mkdir(join(dir, 'src/sub dir'), { recursive: true });
  await writeFile(join(dir, 'src/a'), randomBytes(3_000_000), { mode: 0o640 });
  await writeFile(join(dir, "src/sub dir/it's\n"), 'x', { mode: 0o600 });
  await symlink('../a', join(dir, 'src/sub dir/link'));
  return {
    play,
    dir,
    task: { src: join(dir, 'src'), from: 'there', dest: join(dir, 'dest') },
    [Symbol.asyncDispose]: async () => {
      await play.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** A copy once came together under the very name that `fs.file` keeps a directory by. */
const oldStaging = (staging: string) => staging.replace(/-copy$/, '');

function asOldPitr(change: string): string {
  const { mark: _, ...rest } = JSON.parse(change) as Record<string, string>;
  const staging = oldStaging(rest.staging ?? '');
  return JSON.stringify({ ...rest, staging, digestAt: `${staging}.sha256` });
}

describe('fs.tree', () => {
  it('copies a directory as it is, finds it the same the second time, and removes just that', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    const outcome = await play.run('fs.tree', task);
    expect(outcome).toMatchObject({
      status: 'changed',
      result: { dest: task.dest, sha256: expect.any(String) },
    });
    expect((await readFile(join(dir, 'dest/a'))).equals(await readFile(join(dir, 'src/a')))).toBe(true);
    expect((await stat(join(dir, 'dest/a'))).mode & 0o777).toBe(0o640);
    expect((await readdir(join(dir, 'dest/sub dir'))).sort()).toEqual(["it's\n", 'link']);
    expect((await play.run('fs.tree', task)).status).toBe('ok');
    const entry = play.journal[0];
    if (entry === undefined) throw new Error('no change was journalled');
    await play.undoEntry(entry);
    await play.undoEntry(entry);
    expect(await readdir(dir)).toEqual(['src']);
  });

  it('leaves what the same run keeps of its destination, and is taken back beside it', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    await mkdir(task.dest);
    await writeFile(join(dir, 'dest/precious'), 'old');
    const removed = await play.run('fs.file', { path: task.dest, state: 'absent', recurse: true });
    const kept = String(removed.result?.kept_at);
    expect((await play.run('fs.tree', task)).status).toBe('changed');
    expect(await readFile(join(kept, 'precious'), 'utf8')).toBe('old');
    await play.undo();
    expect((await readdir(dir)).sort()).toEqual([basename(kept), 'src']);
    await play.undo();
    expect(await readFile(join(dir, 'dest/precious'), 'utf8')).toBe('old');
    expect((await readdir(dir)).sort()).toEqual(['dest', 'src']);
  });

  it('taken back, leaves its copy where a later task of the run keeps it', async () => {
    await using ground = await twoHosts();
    const { play, task } = ground;
    await play.run('fs.tree', task);
    const removed = await play.run('fs.file', { path: task.dest, state: 'absent', recurse: true });
    const [copy] = play.journal;
    if (copy === undefined) throw new Error('no change was journalled');
    await play.undoEntry(copy);
    expect((await readdir(String(removed.result?.kept_at))).sort()).toEqual(['a', 'sub dir']);
    const old = { ...copy, change: asOldPitr(copy.change) };
    await writeFile(`${removed.result?.kept_at}.sha256`, '');
    await expect(play.undoEntry(old)).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
    expect((await readdir(String(removed.result?.kept_at))).sort()).toEqual(['a', 'sub dir']);
  });

  it('makes the same copy twice in one run, each taken back by itself', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    await play.run('fs.tree', task);
    await play.run('fs.file', { path: task.dest, state: 'absent', recurse: true });
    await play.run('fs.tree', task);
    for (let changes = 3; changes > 0; changes--) await play.undo();
    expect(await readdir(dir)).toEqual(['src']);
  });

  it('removes no directory under the name of its unfinished copy but the one that it has begun', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    await play.run('fs.tree', task);
    const [copy] = play.journal;
    if (copy === undefined) throw new Error('no change was journalled');
    const { staging } = JSON.parse(copy.change) as { readonly staging: string };
    await play.undo();
    await mkdir(staging);
    await writeFile(join(staging, 'theirs'), 'x');
    await expect(play.run('fs.tree', task)).rejects.toMatchObject({
      kind: 'refused',
      code: 'staging-foreign',
    });
    await expect(play.undo()).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
    expect(await readdir(staging)).toEqual(['theirs']);
    expect((await readdir(dir)).sort()).toEqual([basename(staging), 'src']);
  });

  it('begins an unfinished copy of its own anew', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    {
      // The copy arrives, and its end fails.
      await using _ = await fakePrograms({ sync: 'echo "Input/output error" >&2; exit 1' });
      await expect(play.run('fs.tree', task)).rejects.toThrow();
      await play.close();
    }
    const again = new Playground({ here: { kind: 'local' }, there: { kind: 'local' } });
    expect((await again.run('fs.tree', task)).status).toBe('changed');
    await again.undo();
    const [unfinished] = play.journal;
    if (unfinished === undefined) throw new Error('no change was journalled');
    await again.undoEntry(unfinished);
    await again.close();
    expect(await readdir(dir)).toEqual(['src']);
  });

  it('is taken back as older versions have journalled it', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    await play.run('fs.tree', task);
    const [copy] = play.journal;
    if (copy === undefined) throw new Error('no change was journalled');
    const old = { ...copy, change: asOldPitr(copy.change) };
    const { staging, digestAt } = JSON.parse(copy.change) as Record<'staging' | 'digestAt', string>;
    await rename(digestAt, `${oldStaging(staging)}.sha256`);
    await play.undoEntry(old);
    await play.undoEntry(old);
    expect(await readdir(dir)).toEqual(['src']);
    // Broken off in the middle.
    await mkdir(join(oldStaging(staging), 'half'), { recursive: true });
    await play.undoEntry(old);
    expect(await readdir(dir)).toEqual(['src']);
  });

  it('refuses a destination that is something else, and says what differs', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    await mkdir(join(dir, 'dest'));
    await writeFile(join(dir, 'dest/other'), 'x');
    await expect(play.run('fs.tree', task)).rejects.toMatchObject({
      kind: 'refused',
      code: 'destination-differs',
      details: expect.arrayContaining(['./a: missing in the copy', './other: only in the copy']),
    });
    expect(await readdir(join(dir, 'dest'))).toEqual(['other']);
  });

  it('keeps a copy that somebody worked in since', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    await play.run('fs.tree', task);
    await writeFile(join(dir, 'dest/new'), 'work');
    await expect(play.undo()).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
    expect(await readFile(join(dir, 'dest/new'), 'utf8')).toBe('work');
  });

  it('fails when the source cannot be read to its end, and leaves nothing under the name', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    await expect(play.run('fs.tree', { ...task, src: join(dir, 'nowhere') })).rejects.toMatchObject({
      code: 'source-missing',
    });
    await expect(play.run('fs.tree', { ...task, dest: join(dir, 'no/dest') })).rejects.toMatchObject({
      code: 'parent-missing',
    });
    expect(await readdir(dir)).toEqual(['src']);
  });

  it('can be stopped midway, and undone after that', async () => {
    await using ground = await twoHosts();
    const { play, dir, task } = ground;
    const stop = new AbortController();
    play.signal = stop.signal;
    const running = play.run('fs.tree', task);
    const poll = setInterval(() => {
      if (play.journal.length > 0) stop.abort();
    }, 1);
    await running.catch(() => {});
    clearInterval(poll);
    play.signal = new AbortController().signal;
    if (play.journal.length > 0) await play.undo();
    expect(await readdir(dir)).toEqual(['src']);
  });
});

describe('what two directories differ in', () => {
  it('is named once a file, and not all when there are many', () => {
    const source = ['f 640  ./a', 'aaa  ./a', 'f 640  ./b', 'd 755  .'].join('\n');
    const copy = ['f 600  ./a', 'aaa  ./a', 'd 755  .', 'f 600  ./c'].join('\n');
    expect(differences(source, copy)).toEqual([
      './a: differs',
      './b: missing in the copy',
      './c: only in the copy',
    ]);
    const many = Array.from({ length: 20 }, (_, i) => `f 600  ./${String(i).padStart(2, '0')}`).join('\n');
    expect(differences(many, '').at(-1)).toBe('and 12 more');
  });
});
