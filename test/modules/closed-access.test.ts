import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { atNextStart, closeAccess, openAccess } from '../../lib/recovery/patroni/closed-access.ts';
import { localPlayground } from './playground.ts';

it('rules that hold bytes which are no text come back as they were when the instance is opened', async () => {
  await using ground = await localPlayground();
  const { play, dir } = ground;
  const [bin, pgdata] = [join(dir, 'bin'), join(dir, 'data')];
  const hba = join(pgdata, 'pg_hba.conf');
  await mkdir(bin);
  await mkdir(pgdata);
  await writeFile(join(bin, 'postgres'), `#!/bin/sh\necho ${hba}\n`, { mode: 0o755 });
  await writeFile(join(pgdata, 'postgresql.conf'), 'port = 1\n');
  const rules = Buffer.from(
    '# f\xfcr alle\nlocal all "j\xfcrgen" peer\nhost all all 127.0.0.1/32 md5\n',
    'latin1',
  );
  await writeFile(hba, rules);
  const ref = { bin, pgdata, user: userInfo().username };
  await closeAccess(play.host(), ref, { roles: ['postgres'], superuser: 'postgres' });
  expect(await readFile(hba)).not.toEqual(rules);
  await openAccess(play.host(), ref, atNextStart);
  expect(await readFile(hba)).toEqual(rules);
});
