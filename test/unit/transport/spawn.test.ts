import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { connectHost } from '../../../lib/transport/connect.ts';
import type { Connection } from '../../../lib/transport/connection.ts';
import { Host } from '../../../lib/transport/host.ts';

/** A host of which everything about a command comes in one packet, as over SSH. */
function allAtOnce(out: string, err: string, status: number): Connection {
  return {
    address: 'by hand',
    loginUser: undefined,
    parallelChannels: 1,
    connect: async () => {},
    terminal: () => new Promise(() => {}),
    close: async () => {},
    open: async (text) => {
      const [began, , ended] = [...text.matchAll(/\\036([0-9a-f]{32})/g)].map(([, nonce = '']) => nonce);
      const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
      stdout.write(`\x1e${began} began 4711\n${out}\x1e${ended} ended ${status}\n`);
      stderr.write(`\x1e${began} began\n${err}\x1e${ended} ended\n`);
      return { stdin, stdout, stderr, ended: new Promise(() => {}), abandon: () => {} };
    },
  };
}

it('a command has ended when all that it printed was given, though all of it came at once', async () => {
  const host = new Host('far', allAtOnce('hello\n', 'err\n', 1), undefined);
  const child = await host.spawn(['true']);
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => said.push(chunk.toString()));
  expect(await child.ended).toEqual({ exitCode: 1 });
  expect(said).toEqual(['hello\n', 'err\n']);
});

it('a command has ended also when nobody reads what it printed, or it is read later', async () => {
  const host = connectHost('here', { kind: 'local' });
  try {
    const child = await host.spawn(['sh', '-c', 'echo hello; echo err >&2']);
    expect(await child.ended).toEqual({ exitCode: 0 });
    expect(Buffer.concat(await child.stdout.toArray()).toString()).toBe('hello\n');
  } finally {
    await host.close();
  }
});
