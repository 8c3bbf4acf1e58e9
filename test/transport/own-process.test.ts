import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { asLoginUser } from '../../lib/transport/becoming.ts';
import type { Connection } from '../../lib/transport/connection.ts';
import { LocalConnection } from '../../lib/transport/local/connection.ts';
import { startOwn } from '../../lib/transport/own-process.ts';

/** A local shell whose stderr comes only when its stdout has been read to the end: one after the other, as both come
 * through docker's client when the engine has taken the long one first. */
function oneAfterTheOther(): Connection {
  const local = new LocalConnection();
  return {
    address: local.address,
    loginUser: undefined,
    parallelChannels: 1,
    connect: () => local.connect(),
    terminal: (...args) => local.terminal(...args),
    close: () => local.close(),
    open: async (text) => {
      const channel = await local.open(text);
      const stderr = new PassThrough();
      channel.stdout.once('end', () => channel.stderr.pipe(stderr));
      return { ...channel, stderr };
    },
  };
}

it('a command begins, and its output can be read, while what it says on stderr is still held up behind that output', async () => {
  const connection = oneAfterTheOther();
  const script = 'head -c 4000000 /dev/zero; echo told >&2';
  const own = await startOwn(connection, asLoginUser, { argv: ['sh', '-c', script] }, { stdin: 'nothing' });
  let bytes = 0;
  let said = '';
  own.stdout.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
  });
  own.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  expect(await own.ended).toEqual({ kind: 'exited', shellStatus: 0 });
  expect([bytes, said]).toEqual([4_000_000, 'told\n']);
  await connection.close();
});
