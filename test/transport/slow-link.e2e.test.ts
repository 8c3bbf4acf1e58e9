import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { connectHost } from '../../lib/transport/connect.ts';
import type { HostConnection } from '../../lib/transport/types.ts';
import { type LinkOptions, type StartedLink, startLink } from '../support/slow-link.ts';
import { type StartedSshd, startSshd } from '../support/sshd.ts';

let sshd: StartedSshd;

beforeAll(async () => {
  sshd = await startSshd();
});

afterAll(async () => {
  await sshd.stop();
});

/** A host at the other end of a link that is quick until the host has answered once. */
async function behind(
  options: LinkOptions,
): Promise<{ readonly host: HostConnection; readonly link: StartedLink } & AsyncDisposable> {
  const link = await startLink(sshd.port);
  const knownHostsFile = join(sshd.directory, `known-${link.port}`);
  const known = await readFile(sshd.knownHostsFile, 'utf8');
  await writeFile(knownHostsFile, known.replaceAll(`:${sshd.port}`, `:${link.port}`));
  const host = connectHost('far', { ...sshd.settings, port: link.port, knownHostsFiles: [knownHostsFile] });
  await host.run(['true']);
  link.become(options);
  return {
    host,
    link,
    [Symbol.asyncDispose]: async () => {
      await host.close();
      await link[Symbol.asyncDispose]();
    },
  };
}

it('a command over a link that pauses longer than a shell takes to end keeps its output and its exit code', async () => {
  await using far = await behind({ pauseMs: 1_300 });
  const running = [1, 2, 3].map(() =>
    far.host.run(['sh', '-c', 'seq 1 20000; exit 7'], { ownChannel: true }),
  );
  for (const { exitCode, stdout } of await Promise.all(running))
    expect([exitCode, stdout.length, stdout.slice(-6)]).toEqual([7, 108_894, '20000\n']);
});

it('a command over a link with latency waits for a round trip, and not for one more with each piece of its output', async () => {
  const latencyMs = 150;
  await using far = await behind({ latencyMs });
  const took = async (argv: readonly string[]): Promise<number> => {
    const from = performance.now();
    await far.host.run(argv);
    return performance.now() - from;
  };
  const short = await took(['true']);
  // A timer may be early by a part of a millisecond.
  expect(short).toBeGreaterThan(2 * latencyMs - 5);
  // Almost three megabytes come in some forty pieces at least, which one after the other would be under way for six seconds.
  expect((await took(['seq', '1', '400000'])) - short).toBeLessThan(20 * latencyMs);
});

it('a transfer over a slow link is not taken for a dead host, however long an answer waits behind it', async () => {
  const size = 2_500_000;
  await using out = await behind({ bytesPerSecond: 125_000 });
  await using into = await behind({ bytesPerSecond: 125_000 });
  const path = join(sshd.directory, 'uploaded');
  const [{ stdout }] = await Promise.all([
    out.host.run(['sh', '-c', `yes | head -c ${size}`], { ownChannel: true }),
    into.host.writeFile(path, Buffer.alloc(size, 'y')),
  ]);
  expect([stdout.length, (await stat(path)).size]).toEqual([size, size]);
});

it('a link that breaks off under a transfer is noticed, and what has arrived of a file is named', async () => {
  await using far = await behind({ bytesPerSecond: 125_000 });
  const path = join(sshd.directory, 'broken-off');
  let readBytes = 0;
  const writing = far.host.writeFile(path, Buffer.alloc(5_000_000, 'y')).catch((error: unknown) => error);
  const reading = far.host.run(['sh', '-c', 'yes | head -c 5000000'], {
    ownChannel: true,
    onOutput: (_, chunk) => {
      readBytes += chunk.length;
    },
  });
  reading.catch(() => {});
  const part = await vi.waitUntil(async () => readBytes > 0 && (await partIn(sshd.directory)), {
    timeout: 60_000,
  });
  const from = performance.now();
  far.link.freeze();
  await expect(reading).rejects.toMatchObject({ kind: 'unreachable', code: 'connection-lost' });
  expect(await writing).toMatchObject({
    code: 'connection-lost',
    details: [expect.stringContaining(`left as ${part}`)],
  });
  expect(performance.now() - from).toBeLessThan(30_000);
});

/** What has arrived of a file that is being written; nothing where no byte of it has. */
async function partIn(directory: string): Promise<string | undefined> {
  const name = (await readdir(directory)).find((one) => one.startsWith('.pitr-'));
  if (name === undefined) return undefined;
  const part = join(directory, name);
  return (await stat(part)).size > 0 ? part : undefined;
}
