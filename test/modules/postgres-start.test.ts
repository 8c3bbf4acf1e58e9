import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { errorOf } from '../support/errors.ts';
import { RealPostgres } from '../wal/real-wal.ts';
import { localPlayground } from './playground.ts';

/** A primary that runs as an isolated one does after its promotion: no address, and a socket of its own. */
async function promoted(server: RealPostgres, ground: Awaited<ReturnType<typeof localPlayground>>) {
  const pgdata = join(server.directory, 'data');
  const bin = '/usr/lib/postgresql/15/bin';
  const options = `-c listen_addresses= -c unix_socket_directories=${server.directory}`;
  await ground.play
    .host()
    .must(
      [
        `${bin}/pg_ctl`,
        ...['-D', pgdata, '-w', '-s', '-l', join(server.directory, 'log')],
        ...['-o', options, 'restart'],
      ],
      { user: 'postgres', cwd: '/' },
    );
  return { pgdata, user: 'postgres' };
}

// As root: the server belongs to the user of Debian's package, and so does the role.
it.runIf(process.getuid?.() === 0)(
  'what cannot be started closed, for want of a directory for its socket, is not stopped for it',
  async () => {
    await using server = await RealPostgres.start(1);
    await using ground = await localPlayground();
    const params = await promoted(server, ground);
    await appendFile(
      join(params.pgdata, 'postgresql.auto.conf'),
      "unix_socket_directories = '/run/nowhere'\n",
    );
    const started = await server.sql('select pg_postmaster_start_time()');
    const refused = await errorOf(ground.play.run('postgres.start', { ...params, mode: 'closed' }));
    expect(refused).toMatchObject({ kind: 'refused', code: 'socket-directory-missing' });
    expect(refused.state).toBe('Nothing was stopped, and nothing was started.');
    expect(await server.sql('select pg_postmaster_start_time()')).toBe(started);
    expect(await readdir(server.directory)).not.toContain('data.pitr-run');
  },
);
