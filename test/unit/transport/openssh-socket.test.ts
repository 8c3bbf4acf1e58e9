import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname } from 'node:path';
import { expect, it } from 'vitest';
import { OpenSshConnection } from '../../../lib/transport/openssh/connection.ts';
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
  expect(existsSync(dirname(socket))).toBe(false);
});
