import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import ssh2, { type AuthContext, type Connection } from 'ssh2';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Secret } from '../../../../lib/base/values/secret.ts';
import { deferred } from '../../../../lib/transport/deferred.ts';
import { SshConnection } from '../../../../lib/transport/ssh/connection.ts';
import { login } from '../../../../lib/transport/ssh/login.ts';
import type { SshSettings } from '../../../../lib/transport/types.ts';
import { fakePrograms } from '../../../support/fake-programs.ts';

interface Jump {
  /** How a host behind it is reached. */
  readonly settings: SshSettings;
  /** Resolves when it is asked for the way on, to which it says nothing. */
  readonly asked: Promise<void>;
  /** Resolves when whoever came has gone. */
  readonly left: Promise<void>;
}

/** One key in some 300 that ssh2 makes cannot be read by ssh2. */
function newKey(): string {
  for (;;) {
    const key = ssh2.utils.generateKeyPairSync('ed25519').private;
    if (!(ssh2.utils.parseKey(key) instanceof Error)) return key;
  }
}

/** A jump host in this process, behind which packets are lost: it never says whether the way on is open. */
async function jumpHost(authentication: (context: AuthContext) => void): Promise<Jump> {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-jump-'));
  const identity = join(directory, 'identity');
  await writeFile(identity, newKey(), { mode: 0o600 });
  const server = new ssh2.Server({ hostKeys: [newKey()] });
  const clients: Connection[] = [];
  const asked = deferred<void>();
  const left = deferred<void>();
  server.on('connection', (client) => {
    clients.push(client);
    client.on('authentication', authentication);
    client.on('tcpip', () => asked.resolve());
    client.on('close', () => left.resolve());
    client.on('error', () => {});
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const client of clients) client.end();
    server.close();
    await rm(directory, { recursive: true, force: true });
  });
  const { port } = server.address() as AddressInfo;
  return {
    settings: {
      kind: 'ssh',
      address: '10.255.255.1',
      port: 22,
      user: 'root',
      identityFiles: [identity],
      password: new Secret('of the host behind'),
      knownHostsFiles: [join(directory, 'known_hosts')],
      hostKeyChecking: 'accept-new',
      jumps: [`jumper@127.0.0.1:${port}`],
      connectTimeoutMs: 1_000,
    },
    asked: asked.promise,
    left: left.promise,
  };
}

const letIn = (context: AuthContext): void => context.accept();

describe('behind a jump host', () => {
  it('the way on has the time of a connection, and the jump host is left when it is over', async () => {
    const { settings, left } = await jumpHost(letIn);
    await expect(login(settings, new AbortController().signal)).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'connect-timeout',
      message: expect.stringContaining('waiting for the TCP connection through the jump host'),
      next: expect.arrayContaining([
        expect.stringMatching(
          /^Try it by hand: ssh -o 'ProxyCommand=ssh -i .* -p \d+ -W .* jumper@127.0.0.1' -i .* -p 22 root@10.255.255.1$/,
        ),
      ]),
    });
    await left;
  });

  it('a connection that is closed does not wait for the way on', async () => {
    const { settings, asked, left } = await jumpHost(letIn);
    const connection = new SshConnection({ ...settings, connectTimeoutMs: 600_000 });
    const connecting = connection.connect();
    const refused = expect(connecting).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'connection-lost',
    });
    await asked;
    await connection.close();
    await refused;
    await left;
  });

  it('a jump host is never offered the password of the host', async () => {
    const offered: string[] = [];
    const { settings } = await jumpHost((context) => {
      offered.push(context.method);
      if (context.method === 'keyboard-interactive')
        context.prompt([{ prompt: 'Password: ', echo: false }], () => context.reject());
      else context.reject(['publickey', 'password', 'keyboard-interactive']);
    });
    await expect(login(settings, new AbortController().signal)).rejects.toMatchObject({
      code: 'ssh-auth-failed',
      details: expect.arrayContaining([
        'it is a jump host, to which the password of the host behind it is not given',
      ]),
    });
    expect(offered).toContain('publickey');
    expect(offered).not.toContain('password');
    expect(offered).not.toContain('keyboard-interactive');
  });

  it('is read of the same configuration file (-F), and with nothing else that is said of the host', async () => {
    const asked = join(await mkdtemp(join(tmpdir(), 'pitr-jump-')), 'asked');
    onTestFinished(() => rm(dirname(asked), { recursive: true, force: true }));
    await using _programs = await fakePrograms({ ssh: `echo "$*" >>${asked}` });
    const { settings } = await jumpHost(letIn);
    const told = { ...settings, clientOptions: ['-o', 'HostKeyAlias=-F', '-F', '/etc/site.conf'] };
    await expect(login(told, new AbortController().signal)).rejects.toMatchObject({
      code: 'connect-timeout',
    });
    expect((await readFile(asked, 'utf8')).split('\n')).toEqual([
      '-G -o HostKeyAlias=-F -F /etc/site.conf -p 22 -l root -- 10.255.255.1',
      expect.stringMatching(/^-G -F \/etc\/site\.conf -p \d+ -l jumper -- 127\.0\.0\.1$/),
      '',
    ]);
  });

  it.each([
    ['its own entry in the configuration', '127.0.0.1', undefined, 'in'],
    ['the host behind it', '10.255.255.1', undefined, 'in'],
    ['neither of them, and is too slow', 'other', undefined, 'connect-timeout'],
    ['the inventory, and is too slow', '127.0.0.1', 10_000, 'connect-timeout'],
  ])('a jump host that takes half a minute has the time of %s', async (_, slow, told, expected) => {
    await using _programs = await fakePrograms({
      ssh: `for to; do :; done; [ "$to" != ${slow} ] || echo connecttimeout 60`,
    });
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    let answered = false;
    const { settings, asked } = await jumpHost((context) => {
      if (!answered) vi.advanceTimersByTime(30_000);
      answered = true;
      context.accept();
    });
    const controller = new AbortController();
    const ended = login({ ...settings, connectTimeoutMs: told }, controller.signal).then(
      () => 'logged in',
      ({ code }) => code,
    );
    expect(await Promise.race([asked.then(() => 'in'), ended])).toBe(expected);
    controller.abort();
    await ended;
  });

  it.each([
    ['a jump host of all hosts, itself among them', 'echo proxyjump bastion', 'bastion'],
    [
      'two that are reached through one another',
      'for to; do :; done; case $to in a) echo proxyjump b ;; *) echo proxyjump a ;; esac',
      'a',
    ],
    ['ever another one', 'for to; do :; done; echo "proxyjump $to$to"', 'dbdb'],
  ])('%s: that is told, and ends', async (_, ssh, jump) => {
    const asked = join(await mkdtemp(join(tmpdir(), 'pitr-jump-')), 'asked');
    onTestFinished(() => rm(dirname(asked), { recursive: true, force: true }));
    await using _programs = await fakePrograms({ ssh: `echo >>${asked}; ${ssh}` });
    const { settings } = await jumpHost(letIn);
    const looping = { ...settings, address: 'db', jumps: undefined, port: undefined };
    await expect(login(looping, new AbortController().signal)).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'ssh-jump-loop',
      message: expect.stringContaining(jump),
    });
    const starts = (await readFile(asked, 'utf8')).length;
    expect(starts).toBeLessThanOrEqual(9);
    const closed = login(looping, AbortSignal.abort());
    await expect(closed).rejects.toMatchObject({ code: 'connection-closed' });
    expect((await readFile(asked, 'utf8')).length).toBe(starts);
  });
});
