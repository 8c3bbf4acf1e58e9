import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmod,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { putAside } from '../../lib/recovery/postgres/put-aside.ts';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { ordinaryUser } from '../support/ordinary-user.ts';
import { localPlayground } from './playground.ts';
import { programAt } from './program-at.ts';
import { startedAmidMoves } from './started-amid.ts';

/** In a container root may not, as a rule. */
const mayMount = spawnSync('unshare', ['-m', 'true']).status === 0;

const mode = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);

describe('fs.directory', () => {
  it('makes missing parents with the same mode, once, and takes them all back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const task = { path: join(dir, 'a/b/c'), mode: '0750' };
    const outcome = await play.run('fs.directory', task);
    expect(outcome.result.created).toEqual([join(dir, 'a'), join(dir, 'a/b'), join(dir, 'a/b/c')]);
    expect([await mode(join(dir, 'a')), await mode(join(dir, 'a/b/c'))]).toEqual(['750', '750']);
    expect((await play.run('fs.directory', task)).status).toBe('ok');
    await play.undo();
    expect(await readdir(dir)).toEqual([]);
  });

  it('does not make parents when told so, and never replaces a file', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await expect(play.run('fs.directory', { path: join(dir, 'a/b'), parents: false })).rejects.toMatchObject({
      code: 'parent-missing',
    });
    await writeFile(join(dir, 'file'), 'x');
    await expect(play.run('fs.directory', join(dir, 'file'))).rejects.toMatchObject({
      kind: 'refused',
      code: 'not-a-directory',
    });
    await expect(play.run('fs.directory', join(dir, 'file/below'))).rejects.toMatchObject({
      code: 'parent-missing',
    });
  });

  it('leaves a directory at undo when something came into it since', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await play.run('fs.directory', join(dir, 'a'));
    await writeFile(join(dir, 'a/theirs'), 'x');
    await expect(play.undo()).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
    expect(await readdir(join(dir, 'a'))).toEqual(['theirs']);
  });

  it('accepts a link to a directory, and sets the mode of the directory itself', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'real'), { mode: 0o755 });
    await symlink('real', join(dir, 'link'));
    expect((await play.run('fs.directory', { path: join(dir, 'link'), mode: '0700' })).status).toBe(
      'changed',
    );
    expect(await mode(join(dir, 'real'))).toBe('700');
    await play.undo();
    expect(await mode(join(dir, 'real'))).toBe('755');
  });

  it('takes the set-gid bit away where a mode does not have it, and gives exactly the old mode back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const shared = join(dir, 'shared');
    await mkdir(shared);
    await chmod(shared, 0o2755);
    const task = { path: shared, mode: '0750' };
    await play.run('fs.directory', task);
    expect(await mode(shared)).toBe('750');
    expect((await play.run('fs.directory', task)).status).toBe('ok');
    await play.undo();
    expect(await mode(shared)).toBe('2755');
    await play.run('fs.directory', { path: join(shared, 'own'), mode: '0700' });
    expect(await mode(join(shared, 'own'))).toBe('700');
    await play.run('fs.directory', { path: join(shared, 'own'), mode: '2770' });
    await play.undo();
    expect(await mode(join(shared, 'own'))).toBe('700');
  });
});

describe('fs.file', () => {
  it('sets a mode, symbolic or not, and puts the old one back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'a');
    await writeFile(path, 'x', { mode: 0o600 });
    const outcome = await play.run('fs.file', { path, mode: 'g=r,u+x' });
    expect(outcome).toMatchObject({ status: 'changed', summary: `change ${path}: mode 0600 to 0740` });
    expect(await mode(path)).toBe('740');
    expect((await play.run('fs.file', { path, mode: '0740' })).status).toBe('ok');
    await play.undo();
    expect(await mode(path)).toBe('600');
  });

  it('fails on a missing file, and touches one into being without touching an old one', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'a');
    await expect(play.run('fs.file', path)).rejects.toMatchObject({ kind: 'failed', code: 'path-missing' });
    expect((await play.run('fs.file', { path, state: 'touch', mode: '0600' })).status).toBe('changed');
    await writeFile(path, 'content');
    expect((await play.run('fs.file', { path, state: 'touch', mode: '0600' })).status).toBe('ok');
    expect(await readFile(path, 'utf8')).toBe('content');
  });

  it.each(['0200', '0000'])(
    'touches no content of a file of mode %s, which its user cannot read',
    async (closed) => {
      await using ground = await localPlayground();
      const { play, dir } = ground;
      await chmod(dir, 0o777);
      const path = join(dir, 'a');
      const as = (name: string, params: object) => play.run(name, params, 'here', ordinaryUser);
      await as('fs.copy', { content: 'precious', dest: path, mode: closed });
      const outcome = await as('fs.file', { path, state: 'touch', mode: '0600' });
      expect(outcome.summary).toBe(`change ${path}: mode ${closed} to 0600`);
      expect([await readFile(path, 'utf8'), await mode(path)]).toEqual(['precious', '600']);
      const entry = play.journal.at(-1);
      if (entry === undefined) throw new Error('no change was journalled');
      await play.undoEntry(entry);
      await play.undoEntry(entry);
      expect([await readFile(path, 'utf8'), await mode(path)]).toEqual([
        'precious',
        closed.replace(/^0+(?=.)/, ''),
      ]);
    },
  );

  it('gives a file back that its user can no longer read', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await chmod(dir, 0o777);
    const path = join(dir, 'a');
    const as = (name: string, params: object) => play.run(name, params, 'here', ordinaryUser);
    await as('fs.file', { path, state: 'touch', mode: '0640' });
    await as('fs.file', { path, state: 'touch', mode: '0200' });
    await play.undo();
    expect(await mode(path)).toBe('640');
  });

  it('removes files and links, and brings them back as they were', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await writeFile(join(dir, 'a'), Buffer.from([0, 255, 10]), { mode: 0o641 });
    await symlink('nowhere/at all', join(dir, 'link'));
    await mkdir(join(dir, 'empty'), { mode: 0o710 });
    for (const name of ['a', 'link', 'empty']) {
      expect((await play.run('fs.file', { path: join(dir, name), state: 'absent' })).status).toBe('changed');
      expect((await play.run('fs.file', { path: join(dir, name), state: 'absent' })).status).toBe('ok');
    }
    expect(await readdir(dir)).toEqual([]);
    const entries = [...play.journal];
    for (const entry of [...entries, ...entries]) await play.undoEntry(entry);
    expect(await readFile(join(dir, 'a'))).toEqual(Buffer.from([0, 255, 10]));
    expect(await mode(join(dir, 'a'))).toBe('641');
    expect(await readlink(join(dir, 'link'))).toBe('nowhere/at all');
    expect(await mode(join(dir, 'empty'))).toBe('710');
  });

  it('removes a directory only when told to take all, and keeps it aside', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'data');
    await mkdir(path);
    await writeFile(join(path, 'row'), 'precious');
    await expect(play.run('fs.file', { path, state: 'absent' })).rejects.toMatchObject({
      kind: 'refused',
      code: 'directory-not-empty',
    });
    const outcome = await play.run('fs.file', { path, state: 'absent', recurse: true });
    const kept = join(dir, '.data.pitr-20260101-t1');
    expect(outcome.result).toEqual({ path, state: 'absent', kept_at: kept });
    expect(await readFile(join(kept, 'row'), 'utf8')).toBe('precious');
    const entry = play.journal[0];
    if (entry === undefined) throw new Error('no change was journalled');
    await play.undoEntry(entry);
    await play.undoEntry(entry);
    expect(await readFile(join(path, 'row'), 'utf8')).toBe('precious');
    expect(await readdir(dir)).toEqual(['data']);
  });

  it('removes a directory as often as a run makes it again, and gives each back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'data');
    const kept: unknown[] = [];
    for (const row of ['first', 'second', 'third']) {
      await mkdir(path);
      await writeFile(join(path, 'row'), row);
      kept.push((await play.run('fs.file', { path, state: 'absent', recurse: true })).result.kept_at);
    }
    const name = join(dir, '.data.pitr-20260101-t1');
    expect(kept).toEqual([name, `${name}-2`, `${name}-3`]);
    const rows: string[] = [];
    for (const entry of [...play.journal].reverse()) {
      await play.undoEntry(entry);
      await play.undoEntry(entry);
      rows.push(await readFile(join(path, 'row'), 'utf8'));
      await rm(path, { recursive: true });
    }
    expect(rows).toEqual(['third', 'second', 'first']);
    expect(await readdir(dir)).toEqual([]);
  });

  it('removes a big file beside what the same run keeps of it, and uses none of that up twice', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'a');
    const big = (letter: string) => letter.repeat(70_000);
    const write = (letter: string) => play.run('fs.copy', { content: big(letter), dest: path });
    const remove = (how: object = {}) => play.run('fs.file', { path, state: 'absent', ...how });
    await writeFile(path, big('A'), { mode: 0o640 });
    await remove();
    for (const letter of ['A', 'B', 'A']) await write(letter);
    await remove();
    await write('A');
    await remove({ keep: false });
    await write('A');
    await remove();
    for (const entry of [...play.journal].reverse()) if (entry.undoable === true) await play.undoEntry(entry);
    expect(await readFile(path, 'utf8')).toBe(big('A'));
    expect(await mode(path)).toBe('640');
    expect(await readdir(dir)).toEqual(['a']);
  });

  it('does not put a removed directory over what came in its place', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'data');
    await mkdir(join(path, 'old'), { recursive: true });
    await play.run('fs.file', { path, state: 'absent', recurse: true });
    await mkdir(path);
    await expect(play.undo()).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
    expect((await readdir(dir)).sort()).toEqual(['.data.pitr-20260101-t1', 'data']);
  });

  it('deletes for good only with keep: false, and says beforehand that there is no way back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'data/deep'), { recursive: true });
    await play.run('fs.file', { path: join(dir, 'data'), state: 'absent', recurse: true, keep: false });
    expect(await readdir(dir)).toEqual([]);
    expect(play.journal[0]?.undoable).toMatch(/keep: false/);
    await expect(play.undo()).rejects.toMatchObject({ kind: 'refused' });
  });

  it('foresees that a directory goes for good which an earlier task makes', async () => {
    await using ground = await localPlayground();
    const path = join(ground.dir, 'a/b');
    const foreseen = await ground.play.check(
      ['fs.directory', path],
      ['fs.file', { path, state: 'absent', recurse: true, keep: false }],
    );
    expect(foreseen.map(({ status }) => status)).toEqual(['changed', 'changed']);
  });

  it.runIf(mayMount).each(['pg wal', 'pg 7', 'pg\\7\n1'])(
    'deletes nothing for good of another file system that is mounted below, as %j',
    async (name) => {
      await using ground = await localPlayground();
      const { play, dir } = ground;
      const [data, mount] = [join(dir, 'data'), join(dir, 'data', name)];
      await mkdir(mount, { recursive: true });
      execFileSync('mount', ['-t', 'tmpfs', 'none', mount]);
      try {
        await writeFile(join(mount, 'segment'), 'precious');
        for (const path of [data, mount])
          await expect(
            play.run('fs.file', { path, state: 'absent', recurse: true, keep: false }),
          ).rejects.toMatchObject({
            kind: 'refused',
            code: 'mounted-below',
            message: expect.stringContaining(`a file system is mounted at ${mount}`),
          });
        expect(await readFile(join(mount, 'segment'), 'utf8')).toBe('precious');
      } finally {
        execFileSync('sh', ['-c', 'umount "$1" || umount "$2"/.data*/*', 'sh', mount, dir]);
      }
      await play.run('fs.file', { path: data, state: 'absent', recurse: true, keep: false });
      expect(await readdir(dir)).toEqual([]);
    },
  );

  it.each([
    ['failed', 'find', 'exit 1'],
    ['was ended', 'find', 'kill -9 $$'],
    ['said nothing', 'find', 'exit 0'],
    ['did not tell its place', 'readlink', 'exit 1'],
  ])('deletes nothing of a directory where the look into it %s', async (_, program, text) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const data = join(dir, 'data');
    await mkdir(data);
    await writeFile(join(data, 'precious'), '');
    await using _programs = await fakePrograms({ [program]: text });
    expect(
      await errorOf(
        play.run('fs.file', { path: data, state: 'absent', recurse: program !== 'find', keep: false }),
      ),
    ).toMatchObject({
      kind: 'refused',
      code: 'directory-unknown',
      message: expect.stringContaining(data),
    });
    expect(await readdir(data)).toEqual(['precious']);
  });

  it.each(['/', '/usr', '/home', '/var/lib', '/usr/lib'])('never removes %s', async (path) => {
    await using ground = await localPlayground();
    // Check mode: were the refusal to fail, nothing would be harmed.
    await expect(
      ground.play.check(['fs.file', { path, state: 'absent', recurse: true }]),
    ).rejects.toMatchObject({ kind: 'refused' });
  });

  it('does not take a listing without a word for a tree in which all is as wanted', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await using _programs = await fakePrograms({ find: 'exit 0' });
    expect(await errorOf(play.run('fs.file', { path: dir, mode: '0700', recurse: true }))).toMatchObject({
      code: 'tree-unreadable',
    });
  });

  it('sets modes of a whole tree at once, changes only what differs, and takes exactly that back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'tree');
    await mkdir(join(path, 'sub'), { recursive: true, mode: 0o755 });
    await writeFile(join(path, 'a\nb'), 'x', { mode: 0o644 });
    await writeFile(join(path, 'sub/run'), 'x', { mode: 0o755 });
    await writeFile(join(path, 'sub/private'), 'x', { mode: 0o600 });
    await symlink('/etc/passwd', join(path, 'link'));
    const before = await mode('/etc/passwd');
    const task = { path, mode: 'u=rwX,g=,o=', recurse: true };
    const outcome = await play.run('fs.file', task);
    expect(outcome.result).toEqual({ path, changed_paths: 4 });
    expect(
      await Promise.all(['', 'sub', 'a\nb', 'sub/run', 'sub/private'].map((name) => mode(join(path, name)))),
    ).toEqual(['700', '700', '600', '700', '600']);
    expect(await mode('/etc/passwd')).toBe(before);
    expect((await play.run('fs.file', task)).status).toBe('ok');
    await rm(join(path, 'a\nb'));
    await play.undo();
    expect(
      await Promise.all(['', 'sub', 'sub/run', 'sub/private'].map((name) => mode(join(path, name)))),
    ).toEqual(['755', '755', '755', '600']);
  });

  it.runIf(userInfo().uid === 0)(
    'takes back what a change had set of a directory and a file when it broke off between owner and mode',
    async () => {
      await using ground = await localPlayground();
      const { play, dir } = ground;
      const [path, file] = [join(dir, 'tree'), join(dir, 'tree/file')];
      await mkdir(path);
      await chmod(path, 0o755);
      await writeFile(file, '');
      await chmod(file, 0o4755);
      const as = async () => [
        await mode(path),
        (await stat(path)).uid,
        await mode(file),
        (await stat(file)).uid,
      ];
      const before = await as();
      const wish = { owner: 'nobody', mode: 'u=rwX,go=' };
      {
        await using _programs = await fakePrograms({ chmod: 'exit 1' });
        const error = await errorOf(play.run('fs.file', { path, recurse: true, ...wish }));
        expect(error).toMatchObject({ code: 'command-failed' });
      }
      expect(await as()).not.toEqual(before);
      await play.undo();
      expect(await as()).toEqual(before);
      await play.run('fs.file', { path: file, ...wish });
      // As it is between the two: the owner is set, and the set-id bit went with that.
      await chmod(file, 0o755);
      await play.undo();
      expect(await as()).toEqual(before);
    },
  );

  it('names what of a tree somebody has changed since, and leaves it as it is', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const [path, file] = [join(dir, 'tree'), join(dir, 'tree/file')];
    await mkdir(path);
    await chmod(path, 0o755);
    await writeFile(file, '');
    await chmod(file, 0o644);
    await play.run('fs.file', { path, mode: 'u=rwX,go=', recurse: true });
    await chmod(file, 0o666);
    await play.undo();
    expect([await mode(path), await mode(file)]).toEqual(['755', '666']);
    expect(play.warnings).toEqual([
      `somebody has changed mode or owner since, and they are left as they are: ${file}`,
    ]);
  });

  it('brings directories back with the very mode that they had, in one with a set-gid bit, too', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'tree');
    await mkdir(join(path, 'empty'), { recursive: true });
    await chmod(join(path, 'empty'), 0o700);
    await chmod(path, 0o2755);
    await play.run('fs.file', { path: join(path, 'empty'), state: 'absent' });
    await play.undo();
    expect(await mode(join(path, 'empty'))).toBe('700');
    await play.run('fs.file', { path, mode: '0750', recurse: true });
    expect(await mode(path)).toBe('750');
    await play.undo();
    expect([await mode(path), await mode(join(path, 'empty'))]).toEqual(['2755', '700']);
  });

  it.runIf(userInfo().uid === 0)('takes an owner back that was given by the number of a user', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const [path, sub] = [join(dir, 'tree'), join(dir, 'tree/sub')];
    await mkdir(sub, { recursive: true });
    await writeFile(join(path, 'a'), 'x');
    const daemon = { owner: '1', group: '1' };
    await play.run('fs.file', { path: join(path, 'a'), ...daemon });
    await play.run('fs.file', { path: join(path, 'a'), state: 'touch', owner: '2' });
    await play.run('fs.directory', { path: sub, ...daemon });
    await play.run('fs.file', { path, owner: '2', recurse: true });
    for (const entry of [...play.journal].reverse()) {
      await play.mayUndo(entry);
      await play.undoEntry(entry);
    }
    for (const one of [path, sub, join(path, 'a')]) expect(await stat(one)).toMatchObject({ uid: 0, gid: 0 });
  });

  it.each([
    { mode: '0600' },
    { mode: '0600', recurse: true },
    { owner: 'root', recurse: true },
    { state: 'touch' },
  ])(
    'does not say that all is well with a symbolic link where %j is meant for what it points to',
    async (wish) => {
      await using ground = await localPlayground();
      const { play, dir } = ground;
      await mkdir(join(dir, 'real'), { mode: 0o755 });
      await symlink('real', join(dir, 'link'));
      await expect(play.run('fs.file', { path: join(dir, 'link'), ...wish })).rejects.toMatchObject({
        kind: 'refused',
        code: 'path-is-a-link',
        next: [`Name what it points to: ${join(dir, 'real')}`],
      });
    },
  );
});

describe('fs.move of a data directory whose pg_wal is a link', () => {
  it('gives the WAL directory the same ending, takes it again, and leads back from the middle', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const at = (name: string) => join(dir, name);
    await mkdir(at('wal/main'), { recursive: true });
    await mkdir(at('main'));
    await writeFile(at('wal/main/000000010000000000000001'), 'x');
    await symlink(at('wal/main'), at('main/pg_wal'));
    const away = { src: at('main'), dest: at('main.pre-pitr.1') };
    const outcome = await play.run('fs.move', away);
    expect(outcome.summary).toContain(`and its WAL from ${at('wal/main')} to ${at('wal/main.pre-pitr.1')}`);
    expect(await readdir(at('wal'))).toEqual(['main.pre-pitr.1']);
    expect(await readlink(at('main.pre-pitr.1/pg_wal'))).toBe(at('wal/main.pre-pitr.1'));
    expect((await play.run('fs.move', away)).status).toBe('ok');

    // By a playbook, and by undo.
    await play.run('fs.move', { src: at('main.pre-pitr.1'), dest: at('main') });
    expect(await readlink(at('main/pg_wal'))).toBe(at('wal/main'));
    await play.undo();
    expect(await readlink(at('main.pre-pitr.1/pg_wal'))).toBe(at('wal/main.pre-pitr.1'));
    await play.undo();
    expect(await readdir(at('wal'))).toEqual(['main']);
    expect(await readdir(at('main/pg_wal'))).toEqual(['000000010000000000000001']);

    // The controller died between the two renames.
    await rename(at('wal/main'), at('wal/main.pre-pitr.1'));
    await play.run('fs.move', away);
    expect(await readdir(at('main.pre-pitr.1/pg_wal'))).toEqual(['000000010000000000000001']);
  });

  it('finds the place of its WAL free again once a copy that failed its proof was put aside', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const at = (name: string) => join(dir, name);
    const data = async (segment: string) => {
      await mkdir(at('wal/main'), { recursive: true });
      await mkdir(at('main'));
      await writeFile(at(`wal/main/${segment}`), 'x');
      await symlink(at('wal/main'), at('main/pg_wal'));
    };
    await data('old');
    await play.run('fs.move', { src: at('main'), dest: at('main.pre-pitr.1') });
    await data('copied');
    expect(await putAside(play.host(), at('main'), at('main.unproved.1'))).toBe(at('main.unproved.1'));
    expect(await readdir(at('main.unproved.1/pg_wal'))).toEqual(['copied']);
    await play.undo();
    expect(await readdir(at('main/pg_wal'))).toEqual(['old']);
    expect((await readdir(at('wal'))).sort()).toEqual(['main', 'main.unproved.1']);
  });

  it('is not led back, in whole or in part, while other WAL lies where its WAL belongs', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const at = (name: string) => join(dir, name);
    await mkdir(at('wal/main'), { recursive: true });
    await mkdir(at('main'));
    await symlink(at('wal/main'), at('main/pg_wal'));
    await play.run('fs.move', { src: at('main'), dest: at('main.pre-pitr.1') });
    await mkdir(at('wal/main'));
    await expect(play.undo()).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
    expect((await readdir(dir)).sort()).toEqual(['main.pre-pitr.1', 'wal']);
  });

  it.each<readonly [string, (at: (name: string) => string) => Promise<unknown>, 'anyhow' | 'if settled']>([
    [
      'something else lies there',
      (at) => rename(at('moved'), at('x')).then(() => mkdir(at('moved'))),
      'anyhow',
    ],
    ['it is gone', (at) => rename(at('moved'), at('x')), 'if settled'],
    ['something is at the old name again', (at) => mkdir(at('data')), 'if settled'],
  ])('is known not to be led back before anything is, where %s', async (_, spoil, when) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const at = (name: string) => join(dir, name);
    await mkdir(at('data'));
    await play.run('fs.move', { src: at('data'), dest: at('moved') });
    const [entry] = play.journal;
    if (entry === undefined) throw new Error('it was not moved');
    await play.mayUndo(entry);
    await spoil(at);
    const refused = { kind: 'refused', code: expect.stringMatching(/changed-since|moved-is-gone/) };
    await expect(play.mayUndo(entry)).rejects.toMatchObject(refused);
    const newer = (path: string) => [{ host: 'here', change: { summary: 'fill it', path }, effects: [] }];
    const onOld = play.mayUndo(entry, newer(at('data/PG_VERSION')));
    if (when === 'anyhow') await expect(onOld).rejects.toMatchObject(refused);
    else await onOld;
    await play.mayUndo(entry, newer(at('moved/PG_VERSION')));
  });

  it('counts as begun where a PostgreSQL has begun there between its WAL and the data: both come back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const at = (name: string) => join(dir, name);
    await mkdir(at('wal/main'), { recursive: true });
    await mkdir(at('main'));
    await symlink(at('wal/main'), at('main/pg_wal'));
    const away = { src: at('main'), dest: at('main.pre') };
    {
      await using _ = await startedAmidMoves(dir, at('main'));
      await expect(play.run('fs.move', away)).rejects.toMatchObject({
        kind: 'failed',
        code: 'postgres-at-work',
        state: `The data is where it was; its WAL was renamed to ${at('wal/main.pre')}.`,
      });
    }
    expect(await readdir(at('wal'))).toEqual(['main.pre']);
    await play.undo();
    expect(await readdir(at('wal'))).toEqual(['main']);
    expect(await readlink(at('main/pg_wal'))).toBe(at('wal/main'));
  });

  it('leaves both where they are while a PostgreSQL works there, and moves nothing of two back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const at = (name: string) => join(dir, name);
    await mkdir(at('wal/main'), { recursive: true });
    await mkdir(at('main'));
    await symlink(at('wal/main'), at('main/pg_wal'));
    const away = { src: at('main'), dest: at('main.pre'), aside_src: at('main.foreign') };
    {
      await using server = await programAt(dir, 'postgres', at('main'));
      await expect(play.run('fs.move', away)).rejects.toMatchObject({
        code: 'postgres-at-work',
        message: expect.stringContaining(String(server.pid)),
      });
      expect(await readdir(at('wal'))).toEqual(['main']);
      expect(await readlink(at('main/pg_wal'))).toBe(at('wal/main'));
      await play.undo();
    }
    await play.run('fs.move', away);
    await mkdir(at('main'));
    {
      await using server = await programAt(dir, 'postgres', at('main.pre'));
      const entry = play.journal[0];
      if (entry === undefined) throw new Error('no change was journalled');
      await expect(play.undoEntry(entry)).rejects.toMatchObject({
        code: 'postgres-at-work',
        message: expect.stringContaining(String(server.pid)),
      });
      expect((await readdir(dir)).toSorted()).toEqual(['main', 'main.pre', 'postgres', 'wal']);
    }
    await play.undo();
    expect((await readdir(dir)).toSorted()).toEqual(['main', 'main.foreign', 'postgres', 'wal']);
    expect(await readdir(at('wal'))).toEqual(['main']);
  });

  it('refuses to lay it over another', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'wal.pre'));
    await mkdir(join(dir, 'wal'));
    await mkdir(join(dir, 'main'));
    await symlink('../wal', join(dir, 'main/pg_wal'));
    const away = { src: join(dir, 'main'), dest: join(dir, 'main.pre') };
    await expect(play.run('fs.move', away)).rejects.toMatchObject({ code: 'destination-exists' });
    expect(await readdir(dir)).toContain('main');
  });
});

describe('postgres.wal_place', () => {
  it('moves what is in pg_wal to the place, once, and back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'main/pg_wal/archive_status'), { recursive: true });
    await writeFile(join(dir, 'main/pg_wal/000000010000000000000001'), 'x');
    const task = { pgdata: join(dir, 'main'), place: join(dir, 'wal'), user: userInfo().username };
    await play.run('postgres.wal_place', task);
    expect(await readlink(join(dir, 'main/pg_wal'))).toBe(join(dir, 'wal'));
    expect(await readdir(join(dir, 'main/pg_wal'))).toEqual(['000000010000000000000001', 'archive_status']);
    expect((await play.run('postgres.wal_place', task)).status).toBe('ok');
    await play.undo();
    expect((await readdir(dir)).sort()).toEqual(['main']);
    expect(await readdir(join(dir, 'main/pg_wal'))).toEqual(['000000010000000000000001', 'archive_status']);
    expect(await readdir(join(dir, 'main'))).toEqual(['pg_wal']);
    await using _server = await programAt(dir, 'postgres', join(dir, 'main'));
    await expect(play.run('postgres.wal_place', task)).rejects.toMatchObject({ code: 'postgres-at-work' });
    expect(await readdir(join(dir, 'main'))).toEqual(['pg_wal']);
  });

  it.each([
    ['has gone', 'not there any more; its WAL stays', async () => undefined],
    [
      'is another one',
      'holds files that are not in',
      (main: string) => mkdir(join(main, 'pg_wal'), { recursive: true }),
    ],
    [
      'has other WAL of that name and size',
      'holds files that are not in',
      async (main: string) => {
        await mkdir(join(main, 'pg_wal'), { recursive: true });
        await writeFile(join(main, 'pg_wal/000000010000000000000001'), 'y');
      },
    ],
    [
      'leads elsewhere',
      'leads to ../other',
      async (main: string) => {
        await mkdir(main);
        await symlink('../other', join(main, 'pg_wal'));
      },
    ],
  ])('is not moved back into a data directory that %s, and stays whole', async (_what, stderr, change) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const main = join(dir, 'main');
    await mkdir(join(main, 'pg_wal'), { recursive: true });
    await writeFile(join(main, 'pg_wal/000000010000000000000001'), 'x');
    await play.run('postgres.wal_place', {
      pgdata: main,
      place: join(dir, 'wal'),
      user: userInfo().username,
    });
    await rename(main, join(dir, 'away'));
    await change(main);
    await expect(play.undo()).rejects.toMatchObject({
      kind: 'failed',
      evidence: { stderr: expect.stringContaining(stderr) },
    });
    expect(await readdir(join(dir, 'wal'))).toEqual(['000000010000000000000001']);
  });

  it.each(['exit 1', 'exit 0'])('is not removed where nobody can compare it (find: %s)', async (find) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const [wal, place] = [join(dir, 'main/pg_wal'), join(dir, 'wal')];
    await mkdir(wal, { recursive: true });
    await play.run('postgres.wal_place', { pgdata: join(dir, 'main'), place, user: userInfo().username });
    await writeFile(join(place, '000000010000000000000001'), 'x');
    await using _programs = await fakePrograms({ find });
    expect(await errorOf(play.undo())).toMatchObject({
      kind: 'failed',
      evidence: { stderr: expect.stringContaining('cannot be compared') },
    });
    expect(await readdir(place)).toEqual(['000000010000000000000001']);
  });

  it('never lays it over something', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'main/pg_wal'), { recursive: true });
    await mkdir(join(dir, 'wal'));
    const task = { pgdata: join(dir, 'main'), place: join(dir, 'wal'), user: userInfo().username };
    await expect(play.run('postgres.wal_place', task)).rejects.toMatchObject({ code: 'wal-place-in-use' });
  });
});

describe('fs.move', () => {
  it('renames a directory, finds it moved the second time, and renames it back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const task = { src: join(dir, 'data'), dest: join(dir, 'data.old') };
    await mkdir(task.src);
    const inode = (await stat(task.src)).ino;
    expect(await play.run('fs.move', task)).toMatchObject({
      status: 'changed',
      summary: `move ${task.src} to ${task.dest}`,
    });
    expect(await readdir(dir)).toEqual(['data.old']);
    expect((await play.run('fs.move', task)).status).toBe('ok');
    const entry = play.journal[0];
    if (entry === undefined) throw new Error('no change was journalled');
    await play.undoEntry(entry);
    await play.undoEntry(entry);
    expect((await stat(task.src)).ino).toBe(inode);
  });

  it('never moves into or over what exists, not even an empty directory', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'a'));
    await mkdir(join(dir, 'b'));
    await expect(play.run('fs.move', { src: join(dir, 'a'), dest: join(dir, 'b') })).rejects.toMatchObject({
      kind: 'refused',
      code: 'destination-exists',
    });
    expect(await readdir(dir)).toEqual(['a', 'b']);
  });

  it('says what is missing: the thing itself, or the directory it goes into', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await expect(play.run('fs.move', { src: join(dir, 'a'), dest: join(dir, 'b') })).rejects.toMatchObject({
      code: 'nothing-to-move',
    });
    await mkdir(join(dir, 'a'));
    await expect(play.run('fs.move', { src: join(dir, 'a'), dest: join(dir, 'no/b') })).rejects.toMatchObject(
      {
        code: 'parent-missing',
      },
    );
  });

  it('fails where there is nothing to move, unless that is said to be fine', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const task = { src: join(dir, 'data'), dest: join(dir, 'data.old') };
    await expect(play.run('fs.move', task)).rejects.toMatchObject({ code: 'nothing-to-move' });
    expect((await play.run('fs.move', { ...task, required: false })).status).toBe('ok');
  });

  it('refuses another file system instead of copying', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'a'));
    await expect(
      play.run('fs.move', { src: join(dir, 'a'), dest: `/dev/shm/pitr-move-test-${process.pid}` }),
    ).rejects.toMatchObject({
      kind: 'refused',
      code: 'other-file-system',
    });
    expect(await readdir(dir)).toEqual(['a']);
  });

  it('refuses to move back what is not the thing that was moved', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const task = { src: join(dir, 'a'), dest: join(dir, 'b') };
    await mkdir(task.src);
    await play.run('fs.move', task);
    await rename(task.dest, join(dir, 'elsewhere'));
    await mkdir(task.dest);
    await expect(play.undo()).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
  });

  it('never renames a directory in which a PostgreSQL works, neither there nor back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const task = { src: join(dir, 'data'), dest: join(dir, 'data.old') };
    await mkdir(join(task.src, 'base'), { recursive: true });
    {
      await using server = await programAt(dir, 'postgres', task.src);
      await expect(play.run('fs.move', task)).rejects.toMatchObject({
        kind: 'refused',
        code: 'postgres-at-work',
        message: `PostgreSQL works in ${task.src} (process ${server.pid}): its directory is not renamed under it`,
      });
      // What was refused was not begun.
      await play.undo();
    }
    await play.run('fs.move', task);
    {
      await using server = await programAt(dir, 'postgres', join(task.dest, 'base'));
      const entry = play.journal[0];
      if (entry === undefined) throw new Error('no change was journalled');
      await expect(play.undoEntry(entry)).rejects.toMatchObject({
        kind: 'refused',
        code: 'postgres-at-work',
        message: expect.stringContaining(String(server.pid)),
      });
    }
    await play.undo();
    expect(await readdir(dir)).toEqual(['data', 'postgres']);
  });

  it('is removed by no fs.file either', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'data'));
    await writeFile(join(dir, 'data/PG_VERSION'), '15');
    await using server = await programAt(dir, 'postgres', join(dir, 'data'));
    for (const keep of [true, false]) {
      await expect(
        play.run('fs.file', { path: join(dir, 'data'), state: 'absent', recurse: true, keep }),
      ).rejects.toMatchObject({
        code: 'postgres-at-work',
        message: expect.stringContaining(String(server.pid)),
      });
    }
    expect(await readdir(dir)).toEqual(['data', 'postgres']);
  });

  it('puts aside what has come to the old name meanwhile, where it was told a name, and never over another', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const aside = join(dir, 'data.foreign');
    const task = { src: join(dir, 'data'), dest: join(dir, 'data.old') };
    await mkdir(task.src);
    await writeFile(join(task.src, 'row'), 'old');
    await mkdir(aside);
    await play.run('fs.move', { ...task, aside_src: aside });
    await mkdir(task.src);
    await writeFile(join(task.src, 'row'), 'theirs');
    const entry = play.journal[0];
    if (entry === undefined) throw new Error('no change was journalled');
    await play.undoEntry(entry);
    await play.undoEntry(entry);
    expect(await readFile(join(task.src, 'row'), 'utf8')).toBe('old');
    expect(await readFile(`${aside}.2/row`, 'utf8')).toBe('theirs');
    expect(play.warnings).toEqual([`what had come to ${task.src} meanwhile is kept in ${aside}.2`]);
  });

  it('never gives up what was moved away, whatever names it was told', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const task = { src: join(dir, 'data'), dest: join(dir, 'data.old') };
    await mkdir(task.src);
    await play.run('fs.move', { ...task, aside_src: join(dir, 'data.foreign') });
    await rename(task.dest, join(dir, 'elsewhere'));
    await expect(play.undo()).rejects.toMatchObject({
      kind: 'refused',
      code: 'moved-is-gone',
      next: expect.arrayContaining([expect.stringContaining('--keep')]),
    });
  });

  it('is taken back on a host whose devices have other numbers since it was started again', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const task = { src: join(dir, 'data'), dest: join(dir, 'data.old') };
    await mkdir(task.src);
    await play.run('fs.move', task);
    const entry = play.journal[0];
    if (entry === undefined) throw new Error('no change was journalled');
    const change = entry.change.replace('"identity":"', '"identity":"9');
    expect(change).not.toBe(entry.change);
    await play.undoEntry({ ...entry, change });
    expect(await readdir(dir)).toEqual(['data']);
  });

  it('puts aside what has come in the place of what was moved, where it was told a name', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const aside = join(dir, 'data.foreign');
    const task = { src: join(dir, 'data.new'), dest: join(dir, 'data') };
    await mkdir(task.src);
    await play.run('fs.move', { ...task, aside_dest: aside });
    await rename(task.dest, join(dir, 'elsewhere'));
    await mkdir(task.dest);
    await writeFile(join(task.dest, 'row'), 'theirs');
    const entry = play.journal[0];
    if (entry === undefined) throw new Error('no change was journalled');
    await play.undoEntry(entry);
    await play.undoEntry(entry);
    expect((await readdir(dir)).sort()).toEqual(['data.foreign', 'elsewhere']);
    expect(await readFile(join(aside, 'row'), 'utf8')).toBe('theirs');
  });

  it('renames a directory in which something else works, or beside one in which a PostgreSQL works', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    for (const name of ['data', 'data.other']) await mkdir(join(dir, name));
    await using _shell = await programAt(dir, 'shell', join(dir, 'data'));
    await using _server = await programAt(dir, 'postgres', join(dir, 'data.other'));
    await play.run('fs.move', { src: join(dir, 'data'), dest: join(dir, 'data.old') });
    expect((await readdir(dir)).sort()).toEqual(['data.old', 'data.other', 'postgres', 'shell']);
  });

  it('is foreseen with all that is in it: the swap of two directories reads right in check mode', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await mkdir(join(dir, 'data'));
    await writeFile(join(dir, 'data/old'), 'old');
    await mkdir(join(dir, 'data.new'));
    await writeFile(join(dir, 'data.new/new'), 'new');
    const tasks = [
      ['fs.move', { src: join(dir, 'data'), dest: join(dir, 'data.old') }],
      ['fs.move', { src: join(dir, 'data.new'), dest: join(dir, 'data') }],
      ['fs.stat', { path: join(dir, 'data/new') }],
      ['fs.stat', { path: join(dir, 'data/old') }],
      ['fs.stat', { path: join(dir, 'data.old/old') }],
      ['fs.copy', { content: 'new', dest: join(dir, 'data/new') }],
    ] as const;
    const foreseen = await play.check(...tasks);
    expect(await readdir(dir)).toEqual(['data', 'data.new']);
    const real = [];
    for (const [name, params] of tasks) real.push(await play.run(name, params));
    expect(foreseen.map(({ status }) => status)).toEqual(real.map(({ status }) => status));
    expect(foreseen.slice(2, 5).map(({ result }) => result.exists)).toEqual([true, false, true]);
    expect(real.slice(2, 5).map(({ result }) => result.exists)).toEqual([true, false, true]);
  });
});

describe('fs.space', () => {
  it('tells what is free, also where nothing is yet', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const { result } = await play.run('fs.space', {
      path: join(dir, 'not/there/yet'),
      need: '1 KiB',
      reserve: 1024,
    });
    expect(result).toMatchObject({ needed_bytes: 2048 });
    expect(Number(result.free_bytes)).toBeGreaterThan(2048);
  });

  it('refuses with the figures when it will not fit', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await expect(
      play.run('fs.space', { path: dir, need: '900 TiB', reserve: '1 GiB' }),
    ).rejects.toMatchObject({
      kind: 'refused',
      code: 'not-enough-space',
      message: expect.stringMatching(
        /not enough space for .*: 900\.0 TiB needed and 1\.0 GiB to stay free, .* free on \//,
      ),
    });
    await expect(play.run('fs.space', { path: '/dev/shm', need: 0, inodes: 1e15 })).rejects.toMatchObject({
      kind: 'refused',
      code: 'not-enough-inodes',
    });
  });
});

describe('fs.read', () => {
  it('gives text, lines, data or base64', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const path = join(dir, 'a');
    await writeFile(path, '{"n": 1}\n');
    expect((await play.run('fs.read', path)).result).toMatchObject({
      content: '{"n": 1}\n',
      lines: ['{"n": 1}'],
      size: 9,
    });
    expect((await play.run('fs.read', { path, as: 'json' })).result).toMatchObject({ content: { n: 1 } });
    await writeFile(path, Buffer.from([0xff, 0xfe]));
    await expect(play.run('fs.read', path)).rejects.toMatchObject({ code: 'not-text' });
    expect((await play.run('fs.read', { path, as: 'base64' })).result).toMatchObject({ content: '//4=' });
    await expect(play.run('fs.read', { path: `${path}.no` })).rejects.toMatchObject({ code: 'file-missing' });
    await expect(play.run('fs.read', dir)).rejects.toMatchObject({ code: 'not-a-file' });
  });
});
