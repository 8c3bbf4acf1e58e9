import { mkdir, mkdtemp, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { until } from '../../../../lib/base/wait/until.ts';
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

it('a file is known to be as it was hashed by its times alone where they tell, and by nothing else', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-files-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'source');
  await writeFile(path, 'one');
  const fresh = await controllerFile(path);
  expect(await fresh.isAsHashed(), 'before it was hashed').toBe(false);
  await fresh.sha256();
  // Another change in the same tick of the clock would not show.
  expect(await fresh.isAsHashed(), 'changed just now').toBe(false);
  await utimes(path, 1, 1);
  const { ctimeMs } = await stat(path);
  await until(async () => Date.now(), {
    everyMs: 50,
    deadlineMs: 10_000,
    done: (now) => now > ctimeMs + 1000,
    late: () => new PitrError({ kind: 'failed', code: 'late', message: 'no second has passed' }),
  });
  const old = await controllerFile(path);
  await old.sha256();
  expect(await old.isAsHashed(), 'at rest').toBe(true);
  await writeFile(path, 'two');
  await utimes(path, 1, 1);
  expect(await old.isAsHashed(), 'with another content, and its old size and time').toBe(false);
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
