import { mkdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readDestination } from '../../../../lib/recovery/barman/destination.ts';
import { localPlayground } from '../../../modules/playground.ts';
import { programAt } from '../../../modules/program-at.ts';

const owner = userInfo().username;

it('a process that has got the number of a dead postmaster, after a reboot, is none', async () => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  await writeFile(join(dir, 'postmaster.pid'), `${process.pid}\n${dir}\n`);
  expect(await readDestination(play.host(), dir, owner, [])).toMatchObject({ running: false });
});

it('a postmaster is known by the directory that it works in', async () => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  const data = join(dir, 'data');
  await mkdir(data);
  await using server = await programAt(dir, 'postgres', data);
  await writeFile(join(data, 'postmaster.pid'), `${server.pid}\n${data}\n`);
  expect(await readDestination(play.host(), data, owner, [])).toMatchObject({ running: true });
});
