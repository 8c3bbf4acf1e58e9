import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { expect, it, onTestFinished } from 'vitest';
import { simulatedHosts } from '../../bench/simulated-server.ts';
import { startMaster } from '../../lib/transport/openssh/master.ts';
import { login } from '../../lib/transport/ssh/login.ts';
import type { SshSettings } from '../../lib/transport/types.ts';
import { fakePrograms } from '../support/fake-programs.ts';

/** Time itself is what is tried: all logins together take longer than one of them may. */
const LOGIN_MS = 2_000;
const TIMEOUT_MS = 5_500;
const never = (): AbortSignal => new AbortController().signal;

async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-logins-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

function host(more: Partial<SshSettings>): SshSettings {
  return {
    ...{ kind: 'ssh', address: '127.0.0.1', hostKeyChecking: 'strict', jumps: [] },
    ...{ identityFiles: [], knownHostsFiles: [], connectTimeoutMs: TIMEOUT_MS },
    ...more,
  };
}

it('logins to sixty slow hosts are made some at a time, and none loses its own time in the queue', async () => {
  const directory = await newDirectory();
  const key = ssh2.utils.generateKeyPairSync('ed25519').private;
  const [identity, known] = [join(directory, 'identity'), join(directory, 'known_hosts')];
  await writeFile(identity, key, { mode: 0o600 });
  const hosts = await simulatedHosts(Buffer.from(key), { loginMs: LOGIN_MS });
  onTestFinished(hosts.stop);
  await writeFile(known, `[127.0.0.1]:${hosts.port} ${hosts.hostKey}\n`);
  const settings = host({
    ...{ user: 'root', port: hosts.port },
    ...{ identityFiles: [identity], knownHostsFiles: [known] },
  });
  const begun = performance.now();
  const ended = await Promise.allSettled(Array.from({ length: 60 }, () => login(settings, never())));
  const took = performance.now() - begun;
  for (const one of ended) if (one.status === 'fulfilled') one.value.end();
  expect(ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))).toEqual([]);
  expect(hosts.mostLogins()).toBe(24);
  expect(took).toBeGreaterThan(TIMEOUT_MS);
});

it('so are those of the OpenSSH client', async () => {
  const directory = await newDirectory();
  const said = join(directory, 'said');
  // The last word is what runs on the host.
  const ssh = `echo 1 >>${said}; sleep ${LOGIN_MS / 1000}; echo -1 >>${said}; for text do :; done; exec sh -c "$text"`;
  await using _programs = await fakePrograms({ ssh });
  const settings = host({ client: 'openssh' });
  const ended = await Promise.allSettled(Array.from({ length: 40 }, () => startMaster(settings, never())));
  await Promise.all(ended.map((one) => (one.status === 'fulfilled' ? one.value.end() : undefined)));
  expect(ended.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []))).toEqual([]);
  let atOnce = 0;
  const counts = (await readFile(said, 'utf8'))
    .trim()
    .split('\n')
    .map((step) => {
      atOnce += Number(step);
      return atOnce;
    });
  expect(Math.max(...counts)).toBe(16);
});
