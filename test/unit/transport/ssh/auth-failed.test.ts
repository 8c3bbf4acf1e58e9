import { expect, it } from 'vitest';
import { parseOpenSshConfig } from '../../../../lib/transport/ssh/client-config.ts';
import { authenticationFailed } from '../../../../lib/transport/ssh/errors.ts';
import { targetOf } from '../../../../lib/transport/ssh/target.ts';

const target = targetOf(
  {
    kind: 'ssh',
    address: 'db1',
    user: 'postgres',
    port: 22,
    identityFiles: [],
    knownHostsFiles: [],
    hostKeyChecking: 'strict',
    connectTimeoutMs: 1000,
  },
  parseOpenSshConfig('user postgres\nhostname db1\nport 22\nidentityagent none\n'),
  '/home/me',
);
const COPY = 'ssh-copy-id -p 22 postgres@db1';

it.each([
  [['/k (ssh-ed25519)'], ['publickey'], `Bring a key there: ${COPY}`],
  [['/no: cannot be read (ENOENT)', '/k (ssh-ed25519)'], ['publickey'], `Bring a key there: ${COPY}`],
  [['/no: cannot be read (ENOENT)'], ['publickey'], 'Name a key that can be read: '],
  [[], [], `Make a key and bring it there: ssh-keygen -t ed25519; ${COPY}`],
  [[], ['password'], `Bring a key there: ${COPY}`],
])('tried %j, accepts %j: the way on can be gone', (tried, accepts, next) => {
  expect(authenticationFailed(target, tried, accepts).next[1]).toContain(next);
});
