import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { writeNew } from '../../../../cli/init/write-new.ts';

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
