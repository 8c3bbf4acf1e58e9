import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, rmdir, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { asPitrError } from '../../../lib/base/errors/pitr-error.ts';
import { neverConnected } from '../../../lib/transport/never-connected.ts';
import { OpenSshConnection } from '../../../lib/transport/openssh/connection.ts';
import { socketPlace } from '../../../lib/transport/openssh/socket-place.ts';
import { fakePrograms } from '../../support/fake-programs.ts';

/** It does not get in, and says where its socket would lie, and who may make something there. */
const SSH = `
case $1 in -G) exit 0 ;; esac
while [ "$1" != -S ]; do shift; done
echo "$2 $(stat -c '%a %u' "$(dirname "$2")")" >&2
exit 255`;

function toHost(): OpenSshConnection {
  return new OpenSshConnection({
    kind: 'ssh',
    client: 'openssh',
    address: 'db1',
    identityFiles: [],
    knownHostsFiles: [],
    hostKeyChecking: 'strict',
  });
}

/** A directory with so short a name that sockets may lie in it, which a temporary folder may not have. */
async function shortPlace(): Promise<string> {
  const place = await mkdtemp('/tmp/s-');
  onTestFinished(() => rm(place, { recursive: true }));
  return place;
}

it('nobody else can make something in the place of the socket before a client has logged in', async () => {
  const place = await shortPlace();
  vi.stubEnv('TMPDIR', place);
  onTestFinished(() => void vi.unstubAllEnvs());
  await using _programs = await fakePrograms({ ssh: SSH });
  const connection = toHost();
  const failed = await connection.connect().then(
    () => undefined,
    (error) => error,
  );
  const [socket = '', mode, owner] = String(failed?.evidence?.stderr).trim().split(' ');
  expect([mode, owner]).toEqual(['700', String(process.getuid?.())]);
  expect(dirname(dirname(socket))).toBe(place);
  await connection.close();
  expect(existsSync(socket)).toBe(false);
});

it('a directory of its name that is open to others, or a link, is not taken', async () => {
  const place = await shortPlace();
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

it.each([
  [40, 'there'],
  [52, 'there'],
  [53, '/tmp'],
  [60, '/tmp'],
])(
  'the client has room for its socket and for the name that it gives it first: in a directory of %i bytes, %s',
  async (bytes, expected) => {
    const short = await shortPlace();
    const inTmp = `/tmp/.pitr-ssh-${process.getuid?.()}`;
    // Where a client of somebody else has its socket in it meanwhile, it is not empty, and stays.
    if (!existsSync(inTmp)) onTestFinished(() => rmdir(inTmp).catch(() => {}));
    const place = join(short, 'x'.repeat(bytes - short.length - 1));
    const own = join(place, `.pitr-ssh-${process.getuid?.()}`);
    await mkdir(own, { recursive: true });
    // In the one of its user's name, and in a new one where that is open to others.
    for (const mode of [0o700, 0o777]) {
      await chmod(own, mode);
      const { socket, clear } = socketPlace(place, '0123456789abcdef');
      expect(Buffer.byteLength(`${socket}.0123456789abcdef`)).toBeLessThanOrEqual(103);
      expect(dirname(dirname(socket))).toBe(expected === 'there' ? place : expected);
      clear();
    }
  },
);

it('where no socket can be made, no connection has come about, and that is told with the way out', async () => {
  await using _programs = await fakePrograms({ ssh: 'exit 0' });
  vi.stubEnv('TMPDIR', '/nowhere');
  onTestFinished(() => void vi.unstubAllEnvs());
  const failed = await toHost()
    .connect()
    .then(() => undefined, asPitrError);
  expect(failed).toMatchObject({
    kind: 'unreachable',
    code: 'openssh-socket',
    message: expect.stringContaining('/nowhere'),
    next: [expect.stringContaining('TMPDIR')],
  });
  expect(failed && neverConnected(failed)).toBe(true);
});
