import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Unknown } from '../../lib/base/values/unknown.ts';
import { localPlayground } from './playground.ts';

type Task = readonly [module: string, params: (at: (name: string) => string) => object];

/** Tasks that change something where there are a file, a tree and data with WAL. */
const TASKS: readonly Task[] = [
  ['fs.copy', (at) => ({ content: 'new', dest: at('new') })],
  ['fs.copy', (at) => ({ content: 'new', dest: at('file'), mode: '0600' })],
  ['fs.directory', (at) => ({ path: at('a/b'), mode: '0750' })],
  ['fs.directory', (at) => ({ path: at('tree'), mode: '0700' })],
  ['fs.file', (at) => ({ path: at('file'), mode: '0600' })],
  ['fs.file', (at) => ({ path: at('tree'), mode: 'u=rwX,go=', recurse: true })],
  ['fs.file', (at) => ({ path: at('new'), state: 'touch', mode: '0600' })],
  ['fs.file', (at) => ({ path: at('file'), state: 'absent' })],
  ['fs.file', (at) => ({ path: at('tree'), state: 'absent', recurse: true })],
  ['fs.move', (at) => ({ src: at('tree'), dest: at('moved') })],
  ['postgres.wal_place', (at) => ({ pgdata: at('data'), place: at('wal'), user: userInfo().username })],
];

it.each(
  TASKS.map(([name, params]) => [`${name} ${JSON.stringify(params((at) => at))}`, name, params] as const),
)('what check mode foresees of a result is what the run gives: %s', async (_, name, params) => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  const at = (path: string) => join(dir, path);
  await mkdir(at('tree/sub'), { recursive: true });
  await mkdir(at('data/pg_wal'), { recursive: true });
  await writeFile(at('tree/x'), '');
  await writeFile(at('file'), 'old');
  await chmod(at('file'), 0o644);
  const task = params(at);
  const [foreseen] = await play.check([name, task]);
  const done = await play.run(name, task);
  expect([foreseen?.status, done.status]).toEqual(['changed', 'changed']);
  expect(foreseen?.summary).toBe(done.summary);
  const told = Object.entries(foreseen?.result ?? {}).filter(([, value]) => !(value instanceof Unknown));
  expect(told).not.toEqual([]);
  expect(done.result).toMatchObject(Object.fromEntries(told));
});
