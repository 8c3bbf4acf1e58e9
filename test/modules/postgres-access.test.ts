import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { closedRules } from '../../lib/recovery/postgres/hba.ts';
import { KEPT_HBA_FILE } from '../../lib/recovery/postgres/instance.ts';
import { errorOf } from '../support/errors.ts';
import { RealPostgres } from '../wal/real-wal.ts';
import { localPlayground } from './playground.ts';

// As root: the server belongs to the user of Debian's package, and so does the role.
it.runIf(process.getuid?.() === 0)(
  'an opening that was broken off before the rules were in force is gone on with',
  async () => {
    await using server = await RealPostgres.start(1);
    await using ground = await localPlayground();
    const pgdata = join(server.directory, 'data');
    const hba = join(pgdata, 'pg_hba.conf');
    const open = await readFile(hba, 'utf8');
    await writeFile(join(pgdata, KEPT_HBA_FILE), open);
    await writeFile(hba, closedRules(open, ['postgres'], { addresses: [], names: [] }));
    await server.sql('select pg_reload_conf()');

    const programs = join(server.directory, 'programs');
    await mkdir(programs);
    for (const name of ['psql', 'postgres'])
      await symlink(`/usr/lib/postgresql/15/bin/${name}`, join(programs, name));
    await writeFile(join(programs, 'pg_ctl'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
    const params = { mode: 'open', pgdata, user: 'postgres' };
    expect(await errorOf(ground.play.run('postgres.access', { ...params, bin: programs }))).toMatchObject({
      code: 'command-failed',
    });

    const loaded = await server.sql('select pg_conf_load_time()');
    expect((await ground.play.run('postgres.access', params)).status).toBe('changed');
    expect(await server.sql('select pg_conf_load_time()')).not.toBe(loaded);
    expect((await ground.play.run('postgres.access', params)).status).toBe('ok');
  },
);
