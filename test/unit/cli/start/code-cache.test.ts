import {
  chmod,
  chown,
  link,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Script } from 'node:vm';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { CodeCache } from '../../../../cli/start/code-cache.ts';

let place: string;
let file: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), 'pitr-code-'));
  file = join(place, 'program.js');
  await writeFile(file, '/* a hash */\n(function answer() { return 42; })');
  vi.stubEnv('XDG_CACHE_HOME', join(place, 'cache'));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(place, { recursive: true });
});

const folder = (): string => join(place, 'cache', 'pitr');
const kept = async (): Promise<string> => join(folder(), (await readdir(folder()))[0] ?? 'nothing');

/** A start: its answer, and whether V8 took the code from the cache. */
function start(parts: readonly string[] = ['a']): { readonly answer: unknown; readonly cached: boolean } {
  const { source, data: cachedData, cache } = CodeCache.open(file);
  const script = new Script(source, { ...(cachedData === undefined ? {} : { cachedData }) });
  const answer = script.runInThisContext()();
  cache.keep(script, parts);
  return { answer, cached: cachedData !== undefined && script.cachedDataRejected === false };
}

it('keeps what was compiled from one start to the next, for its user alone', async () => {
  expect(start()).toEqual({ answer: 42, cached: false });
  expect(start()).toEqual({ answer: 42, cached: true });
  expect(await readdir(folder())).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.code$/)]);
});

it('is written again only when parts were started whose code is not in it', async () => {
  start(['a']);
  const before = await readFile(await kept());
  start(['a']);
  expect(await readFile(await kept())).toEqual(before);
  start(['b']);
  expect((await readFile(await kept())).includes('a\nb')).toBe(true);
});

it('is another for another file, also where only a letter of the same length has changed', async () => {
  start();
  await writeFile(file, '/* a hash */\n(function answer() { return 43; })');
  expect(start()).toEqual({ answer: 43, cached: false });
});

it.each<[string, () => Promise<unknown>]>([
  ['was cut off', async () => writeFile(await kept(), (await readFile(await kept())).subarray(0, -9))],
  [
    'has another byte',
    async () => {
      const bytes = await readFile(await kept());
      bytes.writeUInt8(bytes.readUInt8(bytes.length - 20) ^ 1, bytes.length - 20);
      await writeFile(await kept(), bytes);
    },
  ],
  ['is empty', async () => writeFile(await kept(), '')],
  ['can be written by others', async () => chmod(await kept(), 0o660)],
  ['has another name elsewhere', async () => link(await kept(), join(place, 'elsewhere'))],
  [
    'is a link',
    async () => {
      const name = await kept();
      await rename(name, join(place, 'elsewhere'));
      await symlink(join(place, 'elsewhere'), name);
    },
  ],
  ['lies where others can write', async () => chmod(folder(), 0o777)],
  [
    'lies behind a link',
    async () => {
      await rename(folder(), join(place, 'elsewhere'));
      await symlink(join(place, 'elsewhere'), folder());
    },
  ],
  ...(process.getuid?.() === 0
    ? ([
        ['is of somebody else', async () => chown(await kept(), 12345, 12345)],
        ['lies in a directory of somebody else', async () => chown(folder(), 12345, 12345)],
      ] as [string, () => Promise<unknown>][])
    : []),
])('code that %s is not run', async (_what, spoil) => {
  start();
  await spoil();
  expect(start()).toEqual({ answer: 42, cached: false });
});

it('where nothing can be kept, the start goes on without', async () => {
  await writeFile(join(place, 'cache'), 'a file');
  expect(start()).toEqual({ answer: 42, cached: false });
  vi.stubEnv('XDG_CACHE_HOME', 'relative');
  vi.stubEnv('HOME', '/dev/null');
  expect(start()).toEqual({ answer: 42, cached: false });
});

it('a few versions of pitr and Node have theirs; older ones go', async () => {
  for (const version of [1, 2, 3, 4, 5, 6]) {
    await writeFile(file, `/* ${version} */\n(function answer() { return 42; })`);
    start();
  }
  expect(await readdir(folder())).toHaveLength(4);
  expect(start().cached).toBe(true);
});
