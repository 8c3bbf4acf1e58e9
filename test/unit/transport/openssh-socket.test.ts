import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { OpenSshConnection } from '../../../lib/transport/openssh/connection.ts';
import { socketPlace } from '../../../lib/transport/openssh/socket-place.ts';
import { fakePrograms } from '../../support/fake-programs.ts';

/** It does not get in, and says where its socket would lie, and who may make something there. */
const SSH = `
case $1 in -G) exit 0 ;; esac
while [ "$1" != -S ]; do shift; done
echo "$2 $(stat -c '%a %u' "$(dirname "$2")")" >&2
exit 255`;

it('nobody else can make something in the place of the socket before a client has logged in', async () => {
  await using _programs = await fakePrograms({ ssh: SSH });
  const connection = new OpenSshConnection({
    kind: 'ssh',
    client: 'openssh',
    address: 'db1',
    identityFiles: [],
    knownHostsFiles: [],
    hostKeyChecking: 'strict',
  });
  const failed = await connection.connect().then(
    () => undefined,
    (error) => error,
  );
  const [socket = '', mode, owner] = String(failed?.evidence?.stderr).trim().split(' ');
  expect([mode, owner]).toEqual(['700', String(process.getuid?.())]);
  expect(dirname(dirname(socket))).toBe(tmpdir());
  await connection.close();
  expect(existsSync(socket)).toBe(false);
});

it('a directory of its name that is open to others, or a link, is not taken', async () => {
  const place = await mkdtemp(join(tmpdir(), 'pitr-sockets-'));
  onTestFinished(() => rm(place, { recursive: true }));
  const own = join(place, `.pitr-ssh-${process.getuid?.()}`);
  expect(dirname(socketPlace(place, 'a').socket)).toBe(own);
  await chmod(own, 0o777);
  const other = socketPlace(place, 'a');
  expect(dirname(other.socket)).not.toBe(own);
  other.clear();
  await rm(own, { recursive: true });
  await symlink('/tmp', own);
  socketPlace(place, 'a').clear();
  expect(dirname(socketPlace(place, 'a').socket)).not.toBe(own);
});
