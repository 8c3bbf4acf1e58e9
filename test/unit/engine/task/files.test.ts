import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { controllerFile, findControllerFile } from '../../../../lib/engine/task/files.ts';

it('a file of the controller is read and hashed once for all hosts, and anew when it has changed', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-files-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'source');
  await writeFile(path, 'one');
  const [first, second] = await Promise.all([controllerFile(path), controllerFile(path)]);
  expect(second.sha256()).toBe(first.sha256());
  expect(second.bytes()).toBe(first.bytes());
  expect(Buffer.from(await second.bytes()).toString()).toBe('one');
  const before = await first.sha256();
  await writeFile(path, 'two');
  const changed = await controllerFile(path);
  expect(Buffer.from(await changed.bytes()).toString()).toBe('two');
  expect(await changed.sha256()).not.toBe(before);
});

it('a directory is not said to be missing, and a file behind it is found', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-files-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const [first, second] = [join(directory, 'files'), join(directory, 'beside')];
  await mkdir(join(first, 'conf'), { recursive: true });
  await expect(findControllerFile('conf', [first, second])).rejects.toMatchObject({
    code: 'controller-file-missing',
    message: `"conf" is a directory, and a file is wanted: ${first}/conf`,
    next: [expect.stringContaining('fs.tree')],
  });
  await mkdir(second);
  await writeFile(join(second, 'conf'), 'x');
  expect(await findControllerFile('conf', [first, second])).toBe(join(second, 'conf'));
});
