import { mkdir, readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { BUSYBOX_FIND, fakePrograms } from '../support/fake-programs.ts';
import { commit, SIZE, segmentsOf } from '../unit/recovery/wal/moment/segments.ts';
import { beside } from './barman-here.ts';
import { type LocalPlayground, localPlayground } from './playground.ts';
import { programAt } from './program-at.ts';
import { CLUSTER, inWal, NAME, ours, PLACES, upTo, user } from './wal-here.ts';

const FIRST = '000000010000000000000005';

/** A primary that was shut down, with two segments to archive, and its programs. Returns the params of a task. */
async function primary(ground: LocalPlayground) {
  const { dir } = ground;
  const pgdata = join(dir, 'node');
  for (const [number, name] of [
    [5, FIRST],
    [6, NAME],
  ] as const) {
    const plan = [5, 6].map((one) => [one, 1, [commit(100 + one, '10:00:01')]] as const);
    await inWal(ground, `node/pg_wal/${name}`, segmentsOf(plan).get(number) ?? new Uint8Array());
    await inWal(ground, `node/pg_wal/archive_status/${name}.ready`, new Uint8Array());
  }
  const control = `Database system identifier: ${CLUSTER}
Database cluster state: shut down
Latest checkpoint location: 0/600028
Latest checkpoint's REDO location: 0/600028
Latest checkpoint's TimeLineID: 1
Minimum recovery ending location: 0/0
Bytes per WAL segment: ${SIZE}
`;
  const postgres = `#!/bin/sh
for name do :; done
case $name in archive_mode) echo on ;; archive_command) echo 'cp %p ${dir}/${PLACES.wals}/%f' ;; *) echo ;; esac
`;
  await writeFile(join(pgdata, 'PG_VERSION'), '15\n');
  await writeFile(join(pgdata, 'postmaster.opts'), `${dir}/pg/postgres "-D" "${pgdata}"\n`);
  await mkdir(join(dir, 'pg'));
  await writeFile(join(dir, 'pg/postgres'), postgres, { mode: 0o755 });
  await writeFile(join(dir, 'pg/pg_controldata'), `#!/bin/sh\ncat <<'E'\n${control}E\n`, { mode: 0o755 });
  return { pgdata, bin: join(dir, 'pg'), user, barman_host: 'here', barman_user: user, timeout: 60 };
}

it('what is missing is archived also where another segment is archived with other bytes, which is named then', async () => {
  await using ground = await localPlayground();
  await beside(ground, ours, async () => {
    const params = await primary(ground);
    await inWal(ground, `${PLACES.wals}/${FIRST}`, upTo(1));
    const save = () => ground.play.run('postgres.archive_tail', params);
    const wrong = {
      code: 'archive-not-proved',
      message: expect.stringMatching(new RegExp(`is not what here has in pg_wal: ${FIRST}$`)),
    };
    expect(await errorOf(save())).toMatchObject(wrong);
    expect(await readdir(join(ground.dir, PLACES.wals))).toEqual([FIRST, NAME]);
    // Nothing is missing any more, and it is still wrong: also in a check.
    expect(await errorOf(save())).toMatchObject(wrong);
    expect(await errorOf(ground.play.check(['postgres.archive_tail', params]))).toMatchObject(wrong);
  });
});

it('what a find does not tell that knows no -printf, as that of busybox, is not taken for nothing', async () => {
  await using ground = await localPlayground();
  await beside(ground, ours, async () => {
    const params = await primary(ground);
    await using _ = await fakePrograms({ find: BUSYBOX_FIND });
    const unseen = {
      code: 'pg-wal-unreadable',
      evidence: { stderr: expect.stringContaining('-printf') },
      next: expect.arrayContaining([expect.stringContaining('findutils')]),
    };
    const { pgdata } = params;
    expect(await errorOf(ground.play.run('postgres.tail', { pgdata, user }))).toMatchObject(unseen);
    expect(await errorOf(ground.play.run('postgres.archive_tail', params))).toMatchObject(unseen);
  });
});

it('what waits for a minute on a running primary is not left to an archiver that nobody sees', async () => {
  await using ground = await localPlayground();
  await beside(ground, ours, async () => {
    const params = await primary(ground);
    const { pgdata, bin } = params;
    const controlData = (await readFile(join(bin, 'pg_controldata'), 'utf8')).replace(
      'shut down',
      'in production',
    );
    await writeFile(join(bin, 'pg_controldata'), controlData);
    for (const place of ['at-work', PLACES.wals]) await mkdir(join(ground.dir, place), { recursive: true });
    await using _postgres = await programAt(join(ground.dir, 'at-work'), 'postgres', pgdata);
    await writeFile(join(pgdata, 'postmaster.pid'), '');
    const before = new Date(Date.now() - 120_000);
    await utimes(join(pgdata, 'pg_wal', FIRST), before, before);
    const look = { pgdata, user, finished: true };
    const tail = async () => (await ground.play.run('postgres.tail', look)).result;
    expect(await tail()).toMatchObject({
      ...{ running: true, role: 'primary', archiver: 'none', segments: 1, waiting: 1 },
      files: [{ name: FIRST }],
    });
    const save = () => ground.play.run('postgres.archive_tail', { ...params, finished: true });
    expect((await save()).result).toEqual({ files: [FIRST] });
    // The program of this primary says it: there is no archiver, because its configuration has none.
    await utimes(join(pgdata, 'pg_wal', NAME), before, before);
    expect(await tail()).toMatchObject({ segments: 2, waiting: 0 });
    await writeFile(
      join(bin, 'postgres'),
      '#!/bin/sh\nfor name do :; done\n[ "$name" != archive_mode ] || echo on\n',
    );
    expect(await errorOf(save())).toMatchObject({
      code: 'node-does-not-archive',
      message: expect.stringContaining('archive_command is empty'),
    });
  });
});
