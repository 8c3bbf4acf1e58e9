import { execFile } from 'node:child_process';
import { chmod, chown, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectHost } from '../../lib/transport/connect.ts';
import { newDirectory } from '../engine/support.ts';
import { needProgram } from '../support/packages.ts';

const execute = promisify(execFile);
const NOBODY = 65534;

beforeAll(async () => {
  await needProgram('/usr/bin/setfacl', 'acl');
});

function here() {
  const host = connectHost('here', { kind: 'local' });
  onTestFinished(() => host.close());
  return host;
}

/** A directory in which nobody may write. */
async function nobodys(): Promise<string> {
  const directory = await newDirectory();
  await chown(directory, NOBODY, NOBODY);
  return directory;
}

describe.each([
  ['short', 'after'],
  ['long', 'x'.repeat(100_000)],
])('a %s file that is written by one who may not give it the owner of the old one', (_, content) => {
  it.each([
    ['owner', 0, NOBODY],
    ['group', NOBODY, 0],
  ])('is not put in its place: %s', async (_what, owner, group) => {
    const directory = await nobodys();
    const file = join(directory, 'file');
    await writeFile(file, 'before');
    await chmod(file, 0o664);
    await chown(file, owner, group);
    await expect(here().writeFile(file, content, { user: 'nobody' })).rejects.toMatchObject({
      code: 'file-not-written',
    });
    const { uid, gid } = await stat(file);
    expect([await readFile(file, 'utf8'), uid, gid]).toEqual(['before', owner, group]);
    expect(await readdir(directory)).toEqual(['file']);
  });

  it('is so when another owner is told, who is oneself', async () => {
    const file = join(await nobodys(), 'file');
    await writeFile(file, 'before');
    await chmod(file, 0o664);
    await here().writeFile(file, content, { user: 'nobody', owner: 'nobody', group: 'nogroup' });
    const { uid, mode } = await stat(file);
    expect([uid, mode & 0o777]).toEqual([NOBODY, 0o664]);
  });
});

it('the bits of an old file stay where another owner is told', async () => {
  const file = join(await newDirectory(), 'file');
  await writeFile(file, 'before');
  await chmod(file, 0o6755);
  await here().writeFile(file, 'after', { owner: 'nobody' });
  const { uid, gid, mode } = await stat(file);
  expect([uid, gid, mode & 0o7777]).toEqual([NOBODY, 0, 0o6755]);
});

/** Programs that tell, before they do their work, the mode of each new file that has something in it. */
async function watched(...programs: readonly string[]): Promise<() => Promise<readonly string[]>> {
  const directory = await newDirectory();
  const bin = join(directory, 'bin');
  const seen = join(directory, 'seen');
  await mkdir(bin);
  await writeFile(seen, '');
  const { PATH: path = '' } = process.env;
  for (const program of programs) {
    const real = (await execute('sh', ['-c', `command -v ${program}`])).stdout.trim();
    const look = `for a; do case $a in */.pitr-*) [ ! -s "$a" ] || stat -c '${program} %a %U' "$a" >>${seen} ;; esac; done`;
    await writeFile(join(bin, program), `#!/bin/sh\n${look}\nexec ${real} "$@"\n`, { mode: 0o755 });
  }
  process.env.PATH = [bin, path].join(delimiter);
  onTestFinished(() => {
    process.env.PATH = path;
  });
  return async () => (await readFile(seen, 'utf8')).trim().split('\n');
}

it.each([
  ['without an access list', 'true'],
  ['with an access list', 'setfacl -m user:nobody:r'],
])('what is told of a file holds before others could read its content: %s', async (_, list) => {
  const file = join(await newDirectory(), 'file');
  await writeFile(file, 'before', { mode: 0o644 });
  await execute('sh', ['-c', `${list} ${file}`]);
  await chown(file, NOBODY, NOBODY);
  const seen = await watched('cp', 'chown', 'chmod', 'mv');
  await here().writeFile(file, 'a secret', { mode: 0o600, owner: 'root', group: 'root' });
  expect(new Set((await seen()).map((line) => line.replace(/^\w+ /, '')))).toEqual(new Set(['600 root']));
  expect(await readFile(file, 'utf8')).toBe('a secret');
});

it.each([
  ['a directory', (path: string) => mkdir(path, 0o750)],
  ['a pipe that nobody writes to', (path: string) => execute('mkfifo', [path])],
])('a link to %s is replaced by a file', async (_, make) => {
  const directory = await newDirectory();
  await make(join(directory, 'there'));
  const link = join(directory, 'link');
  await symlink('there', link);
  await here().writeFile(link, 'after', { signal: AbortSignal.timeout(10_000) });
  expect(await readFile(link, 'utf8')).toBe('after');
});
