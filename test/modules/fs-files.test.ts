import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fakePrograms } from '../support/fake-programs.ts';
import { ordinaryUser } from '../support/ordinary-user.ts';
import { localPlayground } from './playground.ts';

const mode = async (path: string) => ((await stat(path)).mode & 0o7777).toString(8);
const sha256 = (data: string | Uint8Array) => createHash('sha256').update(data).digest('hex');

describe('fs.copy', () => {
  it('writes a new file once, says what it is, and finds nothing to do the second time', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const task = { content: 'hello\n', dest: join(dir, 'a.txt'), mode: '0640' };
    const first = await play.run('fs.copy', task);
    expect(first).toMatchObject({
      status: 'changed',
      summary: `create ${dir}/a.txt (6 bytes)`,
      diff: [{ subject: `${dir}/a.txt`, before: '', after: 'hello\n' }],
      result: { path: `${dir}/a.txt`, mode: '0640', size: 6, sha256: sha256('hello\n') },
    });
    expect(await readFile(task.dest, 'utf8')).toBe('hello\n');
    expect(await mode(task.dest)).toBe('640');
    const second = await play.run('fs.copy', task);
    expect(second.status).toBe('ok');
    expect(second.result).toEqual(first.result);
  });

  it('costs one round trip when nothing is to be done', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await writeFile(join(dir, 'a'), 'same');
    const host = play.host();
    const { loadModule } = await import('../../lib/modules/registry.ts');
    const module = await loadModule('fs.copy');
    if (module.kind !== 'change') throw new Error('fs.copy changes');
    let queries = 0;
    const counting = {
      ...host,
      query: (probe: Parameters<typeof host.query>[0]) => {
        queries++;
        return host.query(probe);
      },
      look: <S>(resource: { read(h: typeof host, id: string): Promise<S> }, id: string) =>
        resource.read(counting, id),
    } as typeof host;
    const params = module.params.parse({ content: 'same', dest: join(dir, 'a') });
    const state = await module.read(counting, params, { runId: 'r' } as never);
    expect(module.plan(state, params)).toBeUndefined();
    expect(queries).toBe(1);
  });

  it('shows the difference of small texts, and puts the old text and mode back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const dest = join(dir, 'a.conf');
    await writeFile(dest, 'old\n');
    await chmod(dest, 0o600);
    const outcome = await play.run('fs.copy', { content: 'new\n', dest, mode: '0644' });
    expect(outcome.diff?.[0]).toEqual({ subject: dest, before: 'old\n', after: 'new\n' });
    expect(outcome.diff?.[1]?.before).toContain('mode 0600');
    await play.undo();
    expect(await readFile(dest, 'utf8')).toBe('old\n');
    expect(await mode(dest)).toBe('600');
    expect(await readdir(dir)).toEqual(['a.conf']);
  });

  it('removes a new file at undo, and twice is as good as once', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await play.run('fs.copy', { content: 'x', dest: join(dir, 'a') });
    const entry = play.journal[0];
    if (entry === undefined) throw new Error('no change was journalled');
    await play.undoEntry(entry);
    await play.undoEntry(entry);
    expect(await readdir(dir)).toEqual([]);
  });

  it('keeps a big or binary file beside as it was, tells sizes and hashes, and brings it back by a rename', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const dest = join(dir, 'data.bin');
    const old = randomBytes(300_000);
    await writeFile(dest, old);
    const inode = (await stat(dest)).ino;
    const outcome = await play.run('fs.copy', { content: 'small now', dest });
    expect(outcome.diff?.[0]?.before).toBe(`(300000 bytes, sha256 ${sha256(old)})\n`);
    expect(outcome.diff?.[0]?.after).toContain('(9 bytes, sha256');
    expect(await readdir(dir)).toEqual([`.data.bin.pitr-20260101-t1-${sha256(old).slice(0, 8)}`, 'data.bin']);
    const entry = play.journal[0];
    if (entry === undefined) throw new Error('no change was journalled');
    expect(entry.change.length).toBeLessThan(2000);
    await play.undoEntry(entry);
    await play.undoEntry(entry);
    expect(sha256(await readFile(dest))).toBe(sha256(old));
    expect((await stat(dest)).ino).toBe(inode);
    expect(await readdir(dir)).toEqual(['data.bin']);
  });

  it.each([
    ['a big file', 'x'.repeat(70_000), () => false],
    ['a file that holds a secret', 'secret', () => true],
  ])('leads %s back through the same content twice in one run', async (_what, rest, holdsSecret) => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    play.holdsSecret = holdsSecret;
    const dest = join(dir, 'a');
    await writeFile(dest, `A${rest}`, { mode: 0o640 });
    for (const [content, wanted] of [
      ['B', '0600'],
      ['A', '0600'],
      ['B', '0644'],
    ])
      await play.run('fs.copy', { content: `${content}${rest}`, dest, mode: wanted });
    const entries = [...play.journal].reverse();
    const seen: string[] = [];
    for (const entry of entries) {
      await play.undoEntry(entry);
      await play.undoEntry(entry);
      seen.push(`${(await readFile(dest, 'utf8')).slice(0, 1)} ${await mode(dest)}`);
    }
    expect(seen).toEqual(['A 600', 'B 600', 'A 640']);
    expect(await readdir(dir)).toEqual(['a']);
  });

  it('leads a big file back through the same content twice as older versions have journalled it', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const dest = join(dir, 'a');
    const big = (letter: string) => letter.repeat(70_000);
    await writeFile(dest, big('A'));
    for (const letter of ['B', 'A', 'B']) await play.run('fs.copy', { content: big(letter), dest });
    for (const entry of [...play.journal].reverse()) {
      const { rewrites: _, before, ...change } = JSON.parse(entry.change) as Record<string, object>;
      const { keptByThis: __, ...older } = before as Record<string, unknown>;
      await play.undoEntry({ ...entry, change: JSON.stringify({ ...change, before: older }) });
    }
    expect(await readFile(dest, 'utf8')).toBe(big('A'));
  });

  it('keeps two contents that its user cannot read by two names', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await chmod(dir, 0o777);
    const dest = join(dir, 'a');
    for (const content of ['first', 'second']) {
      await play.run('fs.copy', { content, dest: `${dest}.${content}`, mode: '0200' }, 'here', ordinaryUser);
      await rename(`${dest}.${content}`, dest);
      await play.run('fs.copy', { content: 'new', dest }, 'here', ordinaryUser);
    }
    const kept = (await readdir(dir)).filter((name) => name !== 'a');
    const contents = await Promise.all(kept.map((name) => readFile(join(dir, name), 'utf8')));
    expect(contents.sort()).toEqual(['first', 'second']);
  });

  it('refuses to undo over what somebody wrote since', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const dest = join(dir, 'a');
    await writeFile(dest, 'old');
    await play.run('fs.copy', { content: 'new', dest });
    await writeFile(dest, 'somebody was here');
    await expect(play.undo()).rejects.toMatchObject({ kind: 'refused', code: 'changed-since' });
    expect(await readFile(dest, 'utf8')).toBe('somebody was here');
  });

  it('fails in words when the directory is missing, in check mode as in the run', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const task = { content: 'x', dest: join(dir, 'no/such/a') };
    const facts = {
      kind: 'failed',
      code: 'parent-missing',
      message: `there is no directory ${dir}/no/such to hold ${dir}/no/such/a`,
    };
    await expect(play.check(['fs.copy', task])).rejects.toMatchObject(facts);
    await expect(play.run('fs.copy', task)).rejects.toMatchObject(facts);
  });

  it('goes into a directory under its own name, and never replaces one', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const src = join(dir, 'src.txt');
    await writeFile(src, 'from the controller');
    await mkdir(join(dir, 'into'));
    const outcome = await play.run('fs.copy', { src, dest: join(dir, 'into') });
    expect(outcome.result).toMatchObject({ path: join(dir, 'into/src.txt') });
    expect((await play.run('fs.copy', { src, dest: `${join(dir, 'into')}/` })).status).toBe('ok');
    await expect(play.run('fs.copy', { content: 'x', dest: join(dir, 'into') })).rejects.toMatchObject({
      kind: 'refused',
      code: 'not-a-file',
    });
  });

  it('carries a big file of the controller over as it is', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const data = randomBytes(9_000_000);
    await writeFile(join(dir, 'big'), data);
    const task = { src: join(dir, 'big'), dest: join(dir, 'copy') };
    const outcome = await play.run('fs.copy', task);
    expect(outcome.result).toMatchObject({ size: data.length, sha256: sha256(data) });
    expect(sha256(await readFile(task.dest))).toBe(sha256(data));
    expect((await play.run('fs.copy', task)).status).toBe('ok');
  });

  it('does not follow a symbolic link unless told', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await writeFile(join(dir, 'real'), 'old');
    await symlink('real', join(dir, 'link'));
    const task = { content: 'new', dest: join(dir, 'link') };
    await expect(play.run('fs.copy', task)).rejects.toMatchObject({ kind: 'refused', code: 'not-a-file' });
    await play.run('fs.copy', { ...task, follow: true });
    expect(await readFile(join(dir, 'real'), 'utf8')).toBe('new');
  });

  it('keeps a copy for people with backup, and leaves what exists with force: false', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const dest = join(dir, 'a');
    await writeFile(dest, 'old');
    expect((await play.run('fs.copy', { content: 'new', dest, force: false })).status).toBe('ok');
    const outcome = await play.run('fs.copy', { content: 'new', dest, backup: true });
    expect(outcome.result.backup_file).toBe(`${dest}.20260101-t1~`);
    expect(await readFile(`${dest}.20260101-t1~`, 'utf8')).toBe('old');
  });

  it('keeps a copy for people of each content that a run has overwritten', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const dest = join(dir, 'a');
    await writeFile(dest, 'first');
    const copies: unknown[] = [];
    for (const content of ['second', 'first', 'third'])
      copies.push((await play.run('fs.copy', { content, dest, backup: true })).result.backup_file);
    expect(copies).toEqual([1, 2, 1].map((n) => `${dest}.20260101-t1${n === 1 ? '' : '-2'}~`));
    expect(await readFile(String(copies[0]), 'utf8')).toBe('first');
    expect(await readFile(String(copies[1]), 'utf8')).toBe('second');
  });

  it('with force: false leaves the content of a file that its user cannot read, and sets its mode', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    await chmod(dir, 0o777);
    const dest = join(dir, 'a');
    const as = (params: object) => play.run('fs.copy', params, 'here', ordinaryUser);
    await as({ content: 'precious', dest, mode: '0200' });
    const task = { content: 'new', dest, mode: '0600', force: false };
    const [foreseen] = await play.check(['fs.copy', task]);
    const outcome = await as(task);
    expect(outcome).toMatchObject({ status: 'changed', summary: `change ${dest}: mode 0200 to 0600` });
    expect(foreseen?.summary).toBe(outcome.summary);
    expect([await readFile(dest, 'utf8'), await mode(dest)]).toEqual(['precious', '600']);
    await play.undo();
    expect([await readFile(dest, 'utf8'), await mode(dest)]).toEqual(['precious', '200']);
  });

  it('takes half a copy for none: it is made when the task is tried again, and half an old file is not put back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const [dest, big] = [join(dir, 'a'), join(dir, 'big')];
    const old = 'old'.repeat(50_000);
    await writeFile(dest, old);
    await writeFile(big, old);
    {
      const half = 'for to; do :; done; printf half >"$to"; echo "No space left on device" >&2; exit 1';
      await using _ = await fakePrograms({ cp: half, ln: 'exit 1' });
      for (const task of [
        { content: 'new', dest, backup: true },
        { content: 'new', dest: big },
      ])
        await expect(play.run('fs.copy', task)).rejects.toMatchObject({ code: 'command-failed' });
      expect((await readdir(dir)).sort()).toEqual(['a', 'big']);
      await play.close();
    }
    await using again = await localPlayground();
    const { result } = await again.play.run('fs.copy', { content: 'new', dest, backup: true });
    expect(await readFile(String(result?.backup_file), 'utf8')).toBe(old);
    await again.play.run('fs.copy', { content: 'new', dest: big });
    const kept = (await readdir(dir)).find((name) => name !== 'big' && name.includes('big'));
    await writeFile(join(dir, String(kept)), 'half');
    const undone = again.play.undo();
    await expect(undone).rejects.toMatchObject({
      code: 'changed-since',
      message: expect.stringContaining(String(kept)),
    });
    expect(await readFile(big, 'utf8')).toBe('new');
  });

  it.each(["it's", 'a b', '$(touch pwned)', '-rf', 'new\nline', 'ü☃', '`x`', '*', '\\'])(
    'takes %j as a name and nothing else',
    async (name) => {
      await using ground = await localPlayground();
      const { play, dir } = ground;
      await mkdir(join(dir, 'd'));
      const task = { content: 'x', dest: `${dir}/d/${name}` };
      expect((await play.run('fs.copy', task)).status).toBe('changed');
      expect((await play.run('fs.copy', task)).status).toBe('ok');
      expect(await readdir(join(dir, 'd'))).toEqual([name]);
      await play.undo();
      expect(await readdir(join(dir, 'd'))).toEqual([]);
    },
  );

  it('is foreseen in check mode by later tasks, down to its content', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    const tasks = [
      ['fs.directory', { path: join(dir, 'a/b') }],
      ['fs.copy', { content: 'text\n', dest: join(dir, 'a/b/c'), mode: '0600' }],
      ['fs.copy', { content: 'text\n', dest: join(dir, 'a/b/c'), mode: '0600' }],
      ['fs.read', { path: join(dir, 'a/b/c') }],
      ['fs.stat', { path: join(dir, 'a/b/c') }],
      ['fs.stat', { path: join(dir, 'a/b/d') }],
      ['fs.file', { path: join(dir, 'a/b/c'), state: 'absent' }],
      ['fs.stat', { path: join(dir, 'a/b/c') }],
    ] as const;
    const foreseen = await play.check(...tasks);
    expect(await readdir(dir)).toEqual([]);
    const real = [];
    for (const [name, params] of tasks) real.push(await play.run(name, params));
    expect(foreseen.map(({ status }) => status)).toEqual(real.map(({ status }) => status));
    expect(foreseen.map(({ status }) => status)).toEqual([
      'changed',
      'changed',
      'ok',
      'ok',
      'ok',
      'ok',
      'changed',
      'ok',
    ]);
    expect(foreseen.map(({ summary }) => summary)).toEqual(real.map(({ summary }) => summary));
    expect(foreseen[3]?.result).toEqual(real[3]?.result);
    expect({ ...foreseen[4]?.result, mtime: 0 }).toEqual({ ...real[4]?.result, mtime: 0 });
  });
});

describe('fs.template', () => {
  it('writes what was rendered, with its own variables, and takes it back', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    play.template = (extra) => `port = ${String(extra.port)}\n`;
    const task = { src: 'app.conf.hbs', dest: `${dir}/`, vars: { port: 5431 } };
    const outcome = await play.run('fs.template', task);
    expect(outcome).toMatchObject({ status: 'changed', diff: [{ before: '', after: 'port = 5431\n' }] });
    expect(await readFile(join(dir, 'app.conf'), 'utf8')).toBe('port = 5431\n');
    expect((await play.run('fs.template', task)).status).toBe('ok');
    await play.undo();
    expect(await readdir(dir)).toEqual([]);
  });

  it('writes the very text that was planned when rendering differs each time', async () => {
    await using ground = await localPlayground();
    const { play, dir } = ground;
    let n = 0;
    play.template = () => `${++n}\n`;
    await play.run('fs.template', { src: 'counter', dest: join(dir, 'counter') });
    await play.undo();
    expect(await readdir(dir)).toEqual([]);
  });
});
