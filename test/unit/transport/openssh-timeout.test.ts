import { expect, it } from 'vitest';
import { OpenSshConnection } from '../../../lib/transport/openssh/connection.ts';
import { fakePrograms } from '../../support/fake-programs.ts';

/** Its configuration gives the host a minute; it does not get in, and says how it was called. */
const SSH = `case $1 in -G) echo 'connecttimeout 60' ;; *) echo "$@" >&2; exit 255 ;; esac`;

it.each([
  [undefined, 'ConnectTimeout=60'],
  [20_000, 'ConnectTimeout=20'],
])('a host that answers slowly has the time of its configuration (told %j: %s)', async (told, given) => {
  await using _programs = await fakePrograms({ ssh: SSH });
  const connection = new OpenSshConnection({
    kind: 'ssh',
    client: 'openssh',
    address: 'db1',
    identityFiles: [],
    knownHostsFiles: [],
    hostKeyChecking: 'strict',
    connectTimeoutMs: told,
  });
  await expect(connection.connect()).rejects.toMatchObject({
    code: 'openssh-failed',
    evidence: { stderr: expect.stringContaining(given) },
  });
  await connection.close();
});
