import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Masker } from '../../lib/base/values/masker.ts';
import { RealPostgres } from '../wal/real-wal.ts';
import { localPlayground } from './playground.ts';

// As root: the server belongs to the user of Debian's package, and so does the role.
it.runIf(process.getuid?.() === 0)(
  'a run that goes on has what was in force before, for nothing of it is masked in the journal',
  async () => {
    await using server = await RealPostgres.start(1, {
      primary_conninfo: 'host=db1 password=left-over-of-old',
    });
    await using ground = await localPlayground();
    const look = { pgdata: join(server.directory, 'data'), user: 'postgres' };
    const { result } = await ground.play.run('postgres.in_force', look);
    const masker = new Masker();
    masker.learn(result);
    const journalled = masker.data(result);
    expect(journalled).toEqual(result);
    expect(JSON.stringify(journalled)).not.toMatch(/left-over/);
    expect(result.settings).toMatchObject({
      max_prepared_transactions: '5',
      password_encryption: 'scram-sha-256',
    });
  },
);
