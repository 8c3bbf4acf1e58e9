import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { waitFor } from '../../lab/wait.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import { OpenSshConnection } from '../../lib/transport/openssh/connection.ts';
import type { SshSettings } from '../../lib/transport/types.ts';
import { processGone } from '../support/process-gone.ts';
import { endProcess, generateKey, type StartedSshd, startSshd } from '../support/sshd.ts';

const execute = promisify(execFile);
let directory: string;
let sshd: StartedSshd;
/** A server that takes certificates of one authority, and shows one of another. */
let certified: StartedSshd;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-openssh-test-'));
  sshd = await startSshd();
  for (const name of ['users', 'hosts', 'host', 'login']) await generateKey(join(directory, name), 'ed25519');
  await sign('hosts', 'host', '-h', '-n', '127.0.0.1');
  certified = await startSshd({
    config: [
      `TrustedUserCAKeys ${join(directory, 'users.pub')}`,
      `HostKey ${join(directory, 'host')}`,
      `HostCertificate ${join(directory, 'host-cert.pub')}`,
    ],
  });
  await sign('users', 'login', '-n', certified.user);
  const authority = (await readFile(join(directory, 'hosts.pub'), 'utf8')).trim();
  await writeFile(join(directory, 'known'), `@cert-authority [127.0.0.1]:${certified.port} ${authority}\n`);
});

afterAll(async () => {
  await sshd.stop();
  await certified.stop();
  await rm(directory, { recursive: true, force: true });
});

async function sign(authority: string, key: string, ...more: readonly string[]): Promise<void> {
  const [by, file] = [join(directory, authority), join(directory, `${key}.pub`)];
  await execute('ssh-keygen', ['-q', '-s', by, '-I', key, ...more, file]);
}

function reach(server: StartedSshd, changes: Partial<SshSettings> = {}): ReturnType<typeof connectHost> {
  return connectHost('db1', { ...server.settings, client: 'openssh', ...changes });
}

describe('a host that the OpenSSH client of the controller reaches', () => {
  it('is let in by a certificate, and proves itself by one', async () => {
    const settings = {
      identityFiles: [join(directory, 'login')],
      knownHostsFiles: [join(directory, 'known')],
    };
    const host = reach(certified, settings);
    expect((await host.run(['id', '-un'])).stdout.trim()).toBe(certified.user);
    await host.close();
    // pitr itself can do neither.
    const own = connectHost('db1', { ...certified.settings, ...settings });
    await expect(own.connect()).rejects.toMatchObject({
      code: 'ssh-host-key-unknown',
      details: expect.arrayContaining([expect.stringMatching(/known:1 trusts an authority/)]),
      next: expect.arrayContaining([expect.stringContaining('ansible_connection: openssh')]),
    });
    await own.close();
    const plain = join(directory, 'plain');
    await writeFile(
      plain,
      `[127.0.0.1]:${certified.port} ${await readFile(join(directory, 'host.pub'), 'utf8')}`,
    );
    const uncertified = connectHost('db1', {
      ...certified.settings,
      identityFiles: settings.identityFiles,
      knownHostsFiles: [plain],
    });
    await expect(uncertified.connect()).rejects.toMatchObject({
      code: 'ssh-auth-failed',
      next: expect.arrayContaining([expect.stringContaining('ansible_connection: openssh')]),
    });
    await uncertified.close();
  });

  it('is refused with the words of the client where its key is not known, though the system knows it', async () => {
    const empty = join(directory, 'empty');
    await writeFile(empty, '');
    const host = reach(sshd, { knownHostsFiles: [empty] });
    await expect(host.connect()).rejects.toMatchObject({
      kind: 'unreachable',
      host: 'db1',
      code: 'openssh-failed',
      message: `the ssh client did not get in (Host key verification failed.): ssh ${sshd.user}@127.0.0.1:${sshd.port}`,
      evidence: { stderr: expect.stringContaining('No ED25519 host key is known') },
      next: [
        expect.stringMatching(
          /^When it is the right one, log in once by hand and answer yes: ssh -o 'StrictHostKeyChecking=ask' -l \S+ -p \d+ -o 'GlobalKnownHostsFile=\/dev\/null' -i .* -- 127\.0\.0\.1$/,
        ),
        'Or let new keys be stored at first contact: host key checking `accept-new` in the inventory.',
      ],
    });
    await host.close();
  });

  it('stores a new key at first contact when told to', async () => {
    const file = join(directory, 'new');
    const host = reach(sshd, { knownHostsFiles: [file], hostKeyChecking: 'accept-new' });
    expect((await host.run(['echo', 'there'])).stdout).toBe('there\n');
    await host.close();
    const known = reach(sshd, { knownHostsFiles: [file] });
    expect((await known.run(['echo', 'known'])).stdout).toBe('known\n');
    await known.close();
  });

  it('asks nobody, and tells what was tried, where no key fits', async () => {
    const none = join(directory, 'none');
    await generateKey(none, 'ed25519');
    const host = reach(sshd, { identityFiles: [none] });
    await expect(host.connect()).rejects.toMatchObject({
      code: 'openssh-failed',
      message: expect.stringContaining('Permission denied (publickey)'),
      next: [expect.stringMatching(/^Try it by hand: ssh -l \S+ -p \d+ -o .* -i /)],
    });
    await host.close();
  });

  it('has one login for all its commands, and needs no more than one session on it', async () => {
    await using one = await startSshd({ config: ['MaxSessions 1'] });
    const [many, single] = [reach(sshd), reach(one)];
    const before = logins(sshd);
    for (const host of [many, single]) {
      const words = await Promise.all(
        ['a', 'b', 'c', 'd'].map((word) => host.run(['echo', word], { ownChannel: true })),
      );
      expect(words.map(({ stdout }) => stdout)).toEqual(['a\n', 'b\n', 'c\n', 'd\n']);
    }
    expect(logins(sshd) - before).toBe(1);
    await Promise.all([many.close(), single.close()]);
  });

  it('gives a program of a person a terminal', async () => {
    const program = `
      const { connectHost } = await import('${join(import.meta.dirname, '../../lib/transport/connect.ts')}');
      const host = connectHost('db1', ${JSON.stringify({ ...sshd.settings, client: 'openssh' })});
      console.log(JSON.stringify(await host.terminal(['tty'], {})));
      await host.close();`;
    const { stdout } = await execute(process.execPath, [
      ...['--import', 'tsx', '--input-type=module', '-e', program],
    ]);
    expect(stdout).toMatch(/^\/dev\/pts\/\d+\r?\n\{"exitCode":0\}\n$/);
  });

  it('is told as lost when its connection goes, and reached again by the next command', async () => {
    const host = reach(sshd);
    await host.connect();
    const running = host.run(['sleep', '100']);
    running.catch(() => {});
    for (const pid of await sshd.connections()) endProcess(pid, 'SIGKILL');
    await expect(running).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'connection-lost',
      host: 'db1',
    });
    expect((await host.run(['echo', 'again'])).stdout).toBe('again\n');
    await host.close();
  });

  it('is told as lost where a login of one command goes that had no session on that of all', async () => {
    await using one = await startSshd({ config: ['MaxSessions 1'] });
    const host = reach(one);
    await host.connect();
    const before = await one.connections();
    const process = await host.spawn(['sleep', '100']);
    const ended = process.ended;
    ended.catch(() => {});
    for (const pid of await one.connections()) if (!before.includes(pid)) endProcess(pid, 'SIGKILL');
    await expect(ended).rejects.toMatchObject({ kind: 'unreachable', code: 'connection-lost', host: 'db1' });
    await host.close();
  });

  it('is told as lost where the client of a command is killed here: what it ran there may go on', async () => {
    const host = reach(sshd);
    const sleeping = await host.spawn(['sleep', '7123']);
    const { ended } = sleeping;
    ended.catch(() => {});
    const { stdout } = await execute('pgrep', ['-P', String(process.pid), '-f', 'sleep 7123']);
    endProcess(Number(stdout), 'SIGKILL');
    await expect(ended).rejects.toMatchObject({ kind: 'unreachable', code: 'connection-lost', host: 'db1' });
    expect(await host.run(['pkill', '-f', '^sleep 7123$'])).toMatchObject({ exitCode: 0 });
    await host.close();
  });

  it('is told as lost within seconds when it is frozen', async () => {
    await using frozen = await startSshd();
    const host = reach(frozen);
    await host.connect();
    const running = host.run(['sleep', '100']);
    running.catch(() => {});
    const connections = await frozen.connections();
    for (const pid of connections) endProcess(pid, 'SIGSTOP');
    await expect(running).rejects.toMatchObject({ kind: 'unreachable', host: 'db1' });
    for (const pid of connections) endProcess(pid, 'SIGCONT');
    await host.close();
  });

  it('is left when pitr is killed and what runs there has ended, and nothing of the clients stays here', async () => {
    await using own = await startSshd();
    const settings = JSON.stringify({ ...own.settings, client: 'openssh' });
    const program = `
      const { connectHost } = await import('${join(import.meta.dirname, '../../lib/transport/connect.ts')}');
      const host = connectHost('db1', ${settings});
      await host.run(['true']);
      void host.run(['sleep', '2']);
      console.log('there');
      setInterval(() => {}, 1000);`;
    const pitr = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(pitr.stdout, 'data');
    expect([(await own.connections()).length > 0, (await sockets()).length]).toEqual([true, 1]);
    pitr.kill('SIGKILL');
    await waitFor({
      what: 'the connections to end, and the sockets to go',
      deadlineMs: 60_000,
      everyMs: 200,
      // A client takes its socket away after it has closed its connection.
      attempt: async () => [...(await own.connections()), ...(await sockets())],
      done: (left) => left.length === 0,
      describe: (left) => left.join(' '),
    });
  });

  it('leaves no socket behind', async () => {
    const host = reach(sshd);
    await host.connect();
    expect(await sockets()).not.toEqual([]);
    await host.close();
    expect(await sockets()).toEqual([]);
  });

  it.each(['x'.repeat(100), 'a%c', `a\${HOME}`, 'a b'])(
    'is reached where the directory for temporary files is named %j',
    async (name) => {
      const usual = process.env.TMPDIR;
      process.env.TMPDIR = join(directory, name);
      await mkdir(process.env.TMPDIR);
      try {
        const host = reach(sshd);
        expect((await host.run(['echo', 'there'])).stdout).toBe('there\n');
        await host.close();
      } finally {
        if (usual === undefined) delete process.env.TMPDIR;
        else process.env.TMPDIR = usual;
      }
    },
  );

  it('is not reached any more where the connection was closed at once', async () => {
    const connection = new OpenSshConnection({ ...sshd.settings, client: 'openssh' });
    const connecting = connection.connect();
    const refused = expect(connecting).rejects.toMatchObject({ code: 'connection-closed' });
    await connection.close();
    await refused;
  });

  it('stops connecting at an abort', async () => {
    const host = reach(sshd, { clientOptions: ['-o', 'ProxyCommand=sleep 100'] });
    const controller = new AbortController();
    const connecting = host.connect(controller.signal);
    connecting.catch(() => {});
    controller.abort();
    await expect(connecting).rejects.toMatchObject({ kind: 'interrupted' });
    await host.close();
  });

  it('leaves no program on its way behind where it did not get in', async () => {
    const pid = join(directory, 'proxy');
    const way = join(directory, 'way');
    await writeFile(way, `#!/bin/sh\necho $$ >${pid}.new; mv ${pid}.new ${pid}; exec sleep 100`, {
      mode: 0o755,
    });
    const host = reach(sshd, { clientOptions: ['-o', `ProxyCommand=${way}`] });
    const connecting = host.connect();
    connecting.catch(() => {});
    await vi.waitUntil(() => existsSync(pid), { timeout: 30_000 });
    await host.close();
    await expect(connecting).rejects.toMatchObject({ kind: 'unreachable' });
    await processGone(Number(await readFile(pid, 'utf8')));
  });

  it('that does not answer is told within the time of a connection', async () => {
    const host = reach(sshd, { clientOptions: ['-o', 'ProxyCommand=sleep 100'], connectTimeoutMs: 500 });
    await expect(host.connect()).rejects.toMatchObject({ code: 'openssh-timeout' });
    await host.close();
  });
});

async function sockets(): Promise<readonly string[]> {
  const place = join(tmpdir(), `.pitr-ssh-${process.getuid?.()}`);
  return existsSync(place) ? (await readdir(place)).map((name) => join(place, name)) : [];
}

function logins(server: StartedSshd): number {
  return server.log().split('Accepted publickey').length - 1;
}
