import { execFile } from 'node:child_process';
import { chmod, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, it } from 'vitest';
import { connectHost } from '../../lib/transport/connect.ts';
import { newDirectory, play } from '../engine/support.ts';
import { needProgram } from '../support/packages.ts';
import { runHere } from '../support/run-here.ts';

const execute = promisify(execFile);
const host = connectHost('here', { kind: 'local' });

beforeAll(async () => {
  await needProgram('/usr/bin/setfacl', 'acl');
});

/** A file that its group may not read, and one user may. */
async function listed(): Promise<string> {
  const file = join(await newDirectory(), 'patroni.yml');
  await writeFile(file, 'before');
  await chmod(file, 0o600);
  await execute('setfacl', ['-m', 'user:nobody:r', file]);
  return file;
}

const listOf = async (file: string): Promise<string> =>
  (await execute('getfacl', ['-cp', file])).stdout.trim();

it.each([
  ['short', 'after'],
  ['long', 'x'.repeat(100_000)],
])(
  'a file that is written anew keeps its access list, and its group gains nothing: a %s one',
  async (_, content) => {
    const file = await listed();
    const before = await listOf(file);
    expect(before).toContain('user:nobody:r--\ngroup::---');
    await host.writeFile(file, content);
    expect([await readFile(file, 'utf8'), await listOf(file)]).toEqual([content, before]);
  },
);

it('a mode that is told narrows what the list gives', async () => {
  const file = await listed();
  await host.writeFile(file, 'after', { mode: 0o600 });
  expect(await listOf(file)).toMatch(/user:nobody:r--\s+#effective:---/);
});

it('a file that the old one has no say in has no list', async () => {
  const file = await listed();
  await host.writeFile(file, 'after', { replace: true, mode: 0o640 });
  expect(await listOf(file)).toBe('user::rw-\ngroup::r--\nother::---');
});

it('a task that writes the file anew, and its undo, keep the list', async () => {
  const file = await listed();
  const before = await listOf(file);
  const { directory, outcome } = await play(`
- hosts: one
  tasks:
    - { name: write, fs.copy: { dest: ${file}, content: after } }
`);
  expect([await readFile(file, 'utf8'), await listOf(file)]).toEqual(['after', before]);
  const undone = await runHere(directory, 'undo', outcome.runId, '--yes');
  expect(undone.stdout).toContain('Done: 1 change taken back.');
  expect([await readFile(file, 'utf8'), await listOf(file)]).toEqual(['before', before]);
});

it('the file that a link leads to has the say, and is left alone', async () => {
  const file = await listed();
  const before = await listOf(file);
  await symlink(file, `${file}.link`);
  await host.writeFile(`${file}.link`, 'after');
  expect([await readFile(file, 'utf8'), await listOf(`${file}.link`)]).toEqual(['before', before]);
  expect((await stat(`${file}.link`)).ino).not.toBe((await stat(file)).ino);
});

it.each([
  ['one with a content', 'before'],
  ['an empty one', ''],
])(
  'a file that a task removes comes back with its list, and its group gains nothing: %s',
  async (_, content) => {
    const file = await listed();
    await writeFile(file, content);
    const before = await listOf(file);
    const { directory, outcome } = await play(`
- hosts: one
  tasks:
    - { name: remove, fs.file: { path: ${file}, state: absent } }
`);
    const undone = await runHere(directory, 'undo', outcome.runId, '--yes');
    expect(undone.stdout).toContain('Done: 1 change taken back.');
    expect([await readFile(file, 'utf8'), await listOf(file)]).toEqual([content, before]);
  },
);
