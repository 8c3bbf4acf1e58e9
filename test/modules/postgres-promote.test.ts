import { readdir, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isPromotionLeft } from '../../lib/recovery/postgres/history-files.ts';
import { RealPostgres } from '../wal/real-wal.ts';
import { localPlayground } from './playground.ts';

// As root: the server belongs to the user of Debian's package, and so does the role.
it.runIf(process.getuid?.() === 0)(
  'a promotion is finished where a controller died after it had asked for it',
  async () => {
    await using server = await RealPostgres.start(1);
    await using ground = await localPlayground();
    const pgdata = join(server.directory, 'data');
    await writeFile(join(pgdata, 'pg_wal', '00000002.history.free'), '');
    const params = { pgdata, user: 'postgres', any: true };
    const promote = () => ground.play.run('postgres.promote', params);
    expect(await promote()).toMatchObject({
      status: 'changed',
      summary: expect.stringContaining('finish the promotion'),
      result: { timeline: 1 },
    });
    expect(await readdir(join(pgdata, 'pg_wal'))).not.toContain('00000002.history.free');
    expect((await promote()).status).toBe('ok');
  },
);

it.runIf(process.getuid?.() === 0)(
  'a promotion tells where its timeline begins, also where recovery stopped at a target',
  async () => {
    await using server = await RealPostgres.start(1);
    await using ground = await localPlayground();
    const pgdata = join(server.directory, 'data');
    const wal = join(pgdata, 'pg_wal');
    await writeFile(join(wal, '00000002.history.free'), '');
    // As PostgreSQL writes it: the reason ends with a newline of its own.
    const line = '1\t0/B002728\tbefore 2026-11-30 09:04:14.894624+00';
    await writeFile(join(wal, '00000001.history'), `${line}\n\n`);
    const { result } = await ground.play.run('postgres.promote', { pgdata, user: 'postgres', any: true });
    expect(result.history).toBe(line.replaceAll('\t', ' '));
  },
);

it.runIf(process.getuid?.() === 0)(
  'a marker is written also where nobody says where the programs are',
  async () => {
    await using server = await RealPostgres.start(1);
    await using ground = await localPlayground();
    const params = { pgdata: join(server.directory, 'data'), user: 'postgres' };
    const { result } = await ground.play.run('postgres.marker', params);
    expect(result.xid).toBeGreaterThan(2);
  },
);

it.runIf(process.getuid?.() === 0)(
  'a primary writes to disk what it has in memory; one that does not run has nothing to write',
  async () => {
    await using server = await RealPostgres.start(1);
    await using ground = await localPlayground();
    const params = { pgdata: join(server.directory, 'data'), user: 'postgres' };
    const position = async () =>
      (await ground.play.run('postgres.control', { pgdata: params.pgdata })).result.checkpoint_lsn;
    const before = await position();
    expect(await ground.play.run('postgres.checkpoint', params)).toMatchObject({ status: 'changed' });
    expect(await position()).not.toBe(before);
    await ground.play.undo();
    const stopped = { ...params, pgdata: join(server.directory, 'nothing') };
    expect((await ground.play.run('postgres.checkpoint', stopped)).status).toBe('ok');
  },
);

it('a promotion does not count as finished where nobody can look', async () => {
  await using ground = await localPlayground();
  const place = { pgdata: ground.dir, user: userInfo().username };
  await expect(isPromotionLeft(ground.play.host(), place)).rejects.toMatchObject({ code: 'look-broken-off' });
});
