import { join } from 'node:path';
import { expect, it } from 'vitest';
import { RealPostgres } from '../wal/real-wal.ts';
import { localPlayground } from './playground.ts';

// As root: the server belongs to the user of Debian's package, and so does the role.
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
