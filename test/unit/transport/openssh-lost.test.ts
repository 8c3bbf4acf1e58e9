import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { OpenSshConnection } from '../../../lib/transport/openssh/connection.ts';
import { endProcess, startSshd } from '../../support/sshd.ts';

const WAY = `
import { connect } from 'node:net';
const [host, port] = process.argv.slice(2);
const socket = connect(Number(port), host).on('error', () => process.exit(1)).on('close', () => process.exit(1));
process.stdin.pipe(socket);
socket.pipe(process.stdout);
`;

/** When the way is over it lets go of the connection, and still holds the stderr of the client that began it. */
const HOLDS_STDERR = `#!/bin/sh
trap '' HUP TERM
echo $$ >>DIR/pids
${process.execPath} DIR/way.mjs "$1" "$2"
exec sleep 60 <&- >&-
`;

it('a connection that is gone is told as lost, though a ProxyCommand holds the output of its client', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-openssh-lost-'));
  await using sshd = await startSshd();
  await writeFile(join(directory, 'way.mjs'), WAY);
  const way = join(directory, 'way');
  await writeFile(way, HOLDS_STDERR.replaceAll('DIR', directory));
  await chmod(way, 0o755);
  const connection = new OpenSshConnection({
    ...sshd.settings,
    client: 'openssh',
    clientOptions: ['-o', `ProxyCommand=${way} %h %p`],
  });
  try {
    const channel = await connection.open('echo here; exec cat');
    await new Promise((resolve) => channel.stdout.once('data', resolve));
    for (const pid of await sshd.connections()) endProcess(pid, 'SIGKILL');
    expect(await channel.ended).toMatchObject({ kind: 'lost', error: { code: 'connection-lost' } });
  } finally {
    await connection.close();
    const pids = await readFile(join(directory, 'pids'), 'utf8');
    for (const pid of pids.trim().split('\n')) endProcess(Number(pid), 'SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
});
