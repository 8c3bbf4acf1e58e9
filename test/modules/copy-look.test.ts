import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { ReadHost } from '../../lib/contract/host.ts';
import { copyProbe, parseCopyLook, tablespacePlaces } from '../../lib/recovery/patroni/copy-look.ts';
import { localPlayground } from './playground.ts';
import { programAt } from './program-at.ts';

const user = userInfo().username;
const KIB = 1024;

/** A directory with a file of so many KiB. */
async function holding(path: string, kib: number): Promise<string> {
  await mkdir(path, { recursive: true });
  await writeFile(join(path, 'file'), Buffer.alloc(kib * KIB, 1));
  return path;
}

async function lookAt(host: ReadHost, pgdata: string, places: readonly string[] = []) {
  return parseCopyLook(await host.query(copyProbe({ pgdata, bin: '/bin', user }, places)));
}

/** In steps of 100 KiB: directories take some themselves. */
const hundreds = ({ copiedKib = Number.NaN }: { readonly copiedKib?: number | undefined }): number =>
  Math.floor(copiedKib / 100);

it('a copy holds its WAL and its tablespaces too, wherever they lie, and each once', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const host = play.host('here');
  const pgdata = await holding(join(dir, 'data'), 100);
  await mkdir(join(pgdata, 'pg_tblspc'));
  await symlink(await holding(join(dir, 'wal'), 200), join(pgdata, 'pg_wal'));
  const fast = await holding(join(dir, 'fast space'), 400);
  expect(hundreds(await lookAt(host, pgdata))).toBe(3);
  // As long as it is copied there is no link to it.
  expect(hundreds(await lookAt(host, pgdata, [fast]))).toBe(7);
  await symlink(fast, join(pgdata, 'pg_tblspc/16400'));
  expect(hundreds(await lookAt(host, pgdata))).toBe(7);
  expect(hundreds(await lookAt(host, pgdata, [fast, join(dir, 'nowhere')]))).toBe(7);
});

it('a copy of more files than can be walked in time is not measured: how full its disks are is told', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const pgdata = await holding(join(dir, 'data'), 100);
  await mkdir(join(pgdata, 'pg_wal'));
  await writeFile(join(pgdata, 'pg_wal/RECOVERYXLOG'), Buffer.alloc(KIB));
  const session = { pgdata, bin: '/bin', user };
  const look = copyProbe(session, ['/usr', '/proc'], 0.01);
  const { usedKib = 0, ...rest } = parseCopyLook(await play.host('here').query(look));
  expect(usedKib).toBeGreaterThan(100);
  expect(rest).toEqual({ fetchedBytes: KIB });
});

it('a copy that has not begun holds nothing but what its tablespaces have', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const host = play.host('here');
  expect(await lookAt(host, join(dir, 'data'))).toEqual({ copiedKib: 0, empty: true });
  const fast = await holding(join(dir, 'fast'), 400);
  expect(hundreds(await lookAt(host, join(dir, 'data'), [fast]))).toBe(4);
});

it.each([
  ['in a directory of its own', 'log/day.log', 'log', 2],
  ['in another one, by its whole path', 'DATA/logs of it/day.log', 'logs of it', 2],
  ['in the data directory itself', './day.log', '.', 2],
  ['elsewhere', '/var/log/day.log', undefined, undefined],
])('what a server logs on it is told apart where that lies %s', async (_, told, place, size) => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const pgdata = await holding(join(dir, 'data'), 100);
  const current = `stderr ${told.replace('DATA', pgdata)}\ncsvlog log/day.csv\n`;
  await writeFile(join(pgdata, 'current_logfiles'), current);
  if (place !== undefined) {
    await mkdir(join(pgdata, place), { recursive: true });
    await writeFile(join(pgdata, place, 'day.log'), Buffer.alloc(200 * KIB, 1));
  }
  const { copiedKib, logKib } = await lookAt(play.host('here'), pgdata);
  expect(hundreds({ copiedKib })).toBe(size === undefined ? 1 : 3);
  expect(logKib === undefined ? undefined : hundreds({ copiedKib: logKib })).toBe(size);
});

it('what is fetched of a WAL file is told, also where no copy is under way', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const pgdata = await holding(join(dir, 'data'), 100);
  await mkdir(join(pgdata, 'pg_wal'));
  const host = play.host('here');
  const fetched = async () =>
    parseCopyLook(await host.query(copyProbe({ pgdata, bin: '/bin', user }, undefined)));
  expect(await fetched()).toEqual({});
  await writeFile(join(pgdata, 'pg_wal/RECOVERYXLOG'), Buffer.alloc(300 * KIB));
  expect(await fetched()).toEqual({ fetchedBytes: 300 * KIB });
  expect(await lookAt(host, pgdata)).toMatchObject({ fetchedBytes: 300 * KIB });
});

it('what replays is that of its own directory', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const host = play.host('here');
  const started = [];
  for (const name of ['data', 'other']) {
    const cwd = join(dir, name);
    await mkdir(cwd);
    const replays = spawn('sleep', ['60'], { cwd, argv0: `postgres: startup recovering ${name}` });
    await once(replays, 'spawn');
    started.push(replays);
  }
  try {
    expect((await lookAt(host, join(dir, 'data'))).replays).toBe('postgres: startup recovering data 60');
  } finally {
    for (const one of started) one.kill();
  }
  expect((await lookAt(host, dir)).replays).toBeUndefined();
});

it('the places of the tablespaces are those of the leader', async () => {
  await using ground = await localPlayground();
  const { dir, play } = ground;
  const host = play.host('here');
  const pgdata = join(dir, 'data');
  await mkdir(join(pgdata, 'pg_tblspc'), { recursive: true });
  await symlink('/srv/fast space', join(pgdata, 'pg_tblspc/16400'));
  await using postgres = await programAt(dir, 'postgres', pgdata);
  const port = 60_000 + (process.pid % 5_000);
  await writeFile(
    join(pgdata, 'postmaster.pid'),
    `${postgres.pid}\n${pgdata}\n0\n${port}\n/tmp\nlocalhost\n`,
  );
  await writeFile(join(pgdata, 'postmaster.opts'), '/bin/postgres "-D"\n');
  const leader = { name: 'here', role: 'leader', state: 'running', port } as const;
  const session = { pgdata: '/nowhere', bin: '/bin', user };
  expect(await tablespacePlaces(host, session, leader, undefined)).toEqual(['/srv/fast space']);
  expect(await tablespacePlaces(host, session, { ...leader, port: 1 }, '7')).toEqual([]);
});
