import { spawnSync } from 'node:child_process';
import { chmod, lstat, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeNew } from '../../../../cli/init/write-new.ts';

const TSX = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href;

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-write-new-'));
});

afterAll(() => rm(directory, { recursive: true }));

async function seen(file: string): Promise<string> {
  return `${await readFile(file, 'utf8')} ${((await stat(file)).mode & 0o777).toString(8)}`;
}

it('an inventory is readable by its owner alone, also where others could read what it takes the place of', async () => {
  const file = join(directory, 'inventory.yml');
  await writeNew(file, 'inventory.yml', 'new', false);
  expect(await seen(file)).toBe('new 600');
  await writeFile(file, 'a longer text');
  await chmod(file, 0o644);
  await writeNew(file, 'inventory.yml', 'again', true);
  expect(await seen(file)).toBe('again 600');
});

it('an inventory takes the place of none that is there without --force', async () => {
  const file = join(directory, 'there.yml');
  await writeFile(file, 'old');
  await expect(writeNew(file, 'there.yml', 'new', false)).rejects.toMatchObject({ code: 'inventory-exists' });
  expect(await readFile(file, 'utf8')).toBe('old');
});

it('an inventory that cannot be written whole leaves what was there as it was, and nothing beside it', async () => {
  const site = await mkdtemp(join(directory, 'full-'));
  const file = join(site, 'there.yml');
  await writeFile(file, 'old');
  const script = `import { writeNew } from ${JSON.stringify(new URL('../../../../cli/init/write-new.ts', import.meta.url).href)};
for (const name of ['there.yml', 'new.yml'])
  await writeNew(name, name, 'a text', true).catch(({ code, state }) => console.log(name, code, state));`;
  // No file may grow beyond nothing: as where the disk is full.
  const limited = spawnSync(
    'sh',
    [
      '-c',
      'trap "" XFSZ; ulimit -f 0; exec "$@"',
      'sh',
      process.execPath,
      '--import',
      TSX,
      '--input-type=module',
      '-e',
      script,
    ],
    { cwd: site, encoding: 'utf8', env: { ...process.env, TSX_DISABLE_CACHE: '1' } },
  );
  expect(limited.stdout).toBe(
    'there.yml inventory-not-written nothing was written\nnew.yml inventory-not-written nothing was written\n',
  );
  expect(await readFile(file, 'utf8')).toBe('old');
  expect(await readdir(site)).toEqual(['there.yml']);
});

it('an inventory that is a link takes the place of what that leads to', async () => {
  const site = await mkdtemp(join(directory, 'link-'));
  await writeFile(join(site, 'real.yml'), 'old');
  await symlink('real.yml', join(site, 'link.yml'));
  await writeNew(join(site, 'link.yml'), 'link.yml', 'new', true);
  expect(await readFile(join(site, 'real.yml'), 'utf8')).toBe('new');
  expect((await lstat(join(site, 'link.yml'))).isSymbolicLink()).toBe(true);
});
