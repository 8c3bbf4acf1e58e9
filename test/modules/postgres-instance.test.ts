import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { postgresResource } from '../../lib/recovery/postgres/instance-resource.ts';
import { errorOf } from '../support/errors.ts';
import { localPlayground } from './playground.ts';

it.each([
  ['empty', ''],
  ['of zero bytes, as a crash of the host leaves it', '\0\0\0'],
])('an instance is told of where PG_VERSION is %s', async (_, text) => {
  await using ground = await localPlayground();
  await writeFile(join(ground.dir, 'PG_VERSION'), text);
  await writeFile(join(ground.dir, 'standby.signal'), '');
  expect(await postgresResource.read(ground.play.host(), ground.dir)).toMatchObject({
    data: 'present',
    running: false,
    signal: 'standby',
  });
});

it.runIf(process.getuid?.() !== 0)(
  'an instance whose PG_VERSION may not be read is not told of',
  async () => {
    await using ground = await localPlayground();
    await writeFile(join(ground.dir, 'PG_VERSION'), '15\n');
    await chmod(join(ground.dir, 'PG_VERSION'), 0o000);
    expect((await errorOf(postgresResource.read(ground.play.host(), ground.dir))).code).toBe(
      'data-directory-unreadable',
    );
  },
);

it('an instance is not told of where PG_VERSION cannot be read as a file', async () => {
  await using ground = await localPlayground();
  await mkdir(join(ground.dir, 'PG_VERSION'));
  expect(await errorOf(postgresResource.read(ground.play.host(), ground.dir))).toMatchObject({
    code: 'data-directory-unreadable',
    evidence: { stderr: expect.stringContaining('PG_VERSION') },
  });
});
