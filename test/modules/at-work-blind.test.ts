import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { fakePrograms } from '../support/fake-programs.ts';
import { localPlayground } from './playground.ts';
import { programAt } from './program-at.ts';

it.each([
  ['killed', 'kill -9 $PPID'],
  ['not able to tell who looks', 'exit 1'],
])('a directory in which a PostgreSQL works is not removed after a look that was %s', async (_, id) => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  const data = join(dir, 'data');
  await mkdir(data);
  await using _server = await programAt(dir, 'postgres', data);
  await using _programs = await fakePrograms({ id });
  expect(await errorOf(play.run('fs.file', { path: data, state: 'absent', recurse: true }))).toMatchObject({
    kind: 'refused',
    code: 'postgres-at-work-unknown',
    message: expect.stringContaining(data),
  });
  expect(existsSync(data)).toBe(true);
});
