import { expect, it } from 'vitest';
import { OpenSshConnection } from '../../../lib/transport/openssh/connection.ts';
import { fakePrograms } from '../../support/fake-programs.ts';

/** What the configuration has of each host; the client does not get in, and says how it was called. */
const ssh = (configuration: string): string =>
  `for to; do :; done; case $1 in -G) case $to in ${configuration} esac ;; *) echo "$@" >&2; exit 255 ;; esac`;

it.each([
  ['its own', "db1) echo 'connecttimeout 60' ;;", undefined, '60'],
  ['the inventory, whatever the configuration says', "db1) echo 'connecttimeout 60' ;;", 20_000, '20'],
  ['a jump host', "db1) echo 'proxyjump me@gate:22' ;; gate) echo 'connecttimeout 60' ;;", undefined, '60'],
  [
    'the first of two jump hosts',
    "db1) echo 'proxyjump first,second'; echo 'connecttimeout 20' ;; first) echo 'connecttimeout 60' ;;",
    undefined,
    '60',
  ],
  [
    'a jump host of a jump host',
    "db1) echo 'proxyjump second' ;; second) echo 'proxyjump first' ;; first) echo 'connecttimeout 60' ;;",
    undefined,
    '60',
  ],
  ['nobody where a jump host leads to itself', "*) echo 'proxyjump gate' ;;", undefined, '10'],
])('the way to a host that answers slowly has the time of %s', async (_, configuration, told, seconds) => {
  await using _programs = await fakePrograms({ ssh: ssh(configuration) });
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
    evidence: { stderr: expect.stringContaining(`ConnectTimeout=${seconds}`) },
  });
  await connection.close();
});
