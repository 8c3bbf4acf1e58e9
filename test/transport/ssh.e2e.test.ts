import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../lab/free-port.ts';
import { PitrError } from '../../lib/base/errors/pitr-error.ts';
import { Secret } from '../../lib/base/values/secret.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import { SshConnection } from '../../lib/transport/ssh/connection.ts';
import { login } from '../../lib/transport/ssh/login.ts';
import type { AskPassphrase, SshSettings } from '../../lib/transport/types.ts';
import { needProgram } from '../support/packages.ts';
import { endProcess, generateKey, type StartedSshd, startSshd } from '../support/sshd.ts';
import { CTRL_C, onTerminal } from '../support/terminal.ts';

let sshd: StartedSshd;
let directory: string;

beforeAll(async () => {
  sshd = await startSshd({ hostKeys: ['ed25519', 'rsa'] });
  directory = await mkdtemp(join(tmpdir(), 'pitr-ssh-test-'));
});

afterAll(async () => {
  await sshd.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A copy of a key that `open sesame` opens. */
async function encryptedKey(name: string, key: string): Promise<string> {
  const file = join(directory, name);
  await copyFile(key, file);
  await new Promise((resolve, reject) => {
    const change = spawn('ssh-keygen', ['-q', '-p', '-P', '', '-N', 'open sesame', '-f', file]);
    change.once('error', reject).once('exit', resolve);
  });
  return file;
}

/** Connects with changed settings; the error, or what `id -un` said. */
async function outcome(changes: Partial<SshSettings>): Promise<PitrError | string> {
  const host = connectHost('db1', { ...sshd.settings, ...changes });
  try {
    return (await host.run(['id', '-un'])).stdout.trim();
  } catch (error) {
    if (error instanceof PitrError) return error;
    throw error;
  } finally {
    await host.close();
  }
}

function failure(result: PitrError | string): PitrError {
  expect(result).toBeInstanceOf(PitrError);
  if (typeof result === 'string') throw new Error(`it connected as ${result}`);
  expect(result).toMatchObject({ kind: 'unreachable', host: 'db1' });
  expect(result.next.length).toBeGreaterThan(0);
  return result;
}

async function knownHosts(name: string, text: string): Promise<string> {
  const file = join(directory, name);
  await writeFile(file, text);
  return file;
}

/** A configuration of the OpenSSH client. */
async function configuration(text: string): Promise<string> {
  return knownHosts(`config.${configurations++}`, `${text}\n`);
}

let configurations = 0;

describe('host keys', () => {
  it('refuses a host whose key is not known, shows the fingerprint and stores nothing', async () => {
    const file = await knownHosts('empty', '');
    const error = failure(await outcome({ knownHostsFiles: [file] }));
    expect(error.code).toBe('ssh-host-key-unknown');
    expect(error.details.join('\n')).toMatch(/ssh-ed25519 SHA256:/);
    expect(await readFile(file, 'utf8')).toBe('');
  });

  it('stores a new key at first contact when told to, and knows it the next time', async () => {
    const file = join(directory, 'new', 'known_hosts');
    expect(await outcome({ knownHostsFiles: [file], hostKeyChecking: 'accept-new' })).toBe(sshd.user);
    const stored = await readFile(file, 'utf8');
    expect(stored).toMatch(new RegExp(`^\\[127\\.0\\.0\\.1\\]:${sshd.port} ssh-ed25519 AAAA`));
    expect(await outcome({ knownHostsFiles: [file], hostKeyChecking: 'strict' })).toBe(sshd.user);
    expect(await readFile(file, 'utf8')).toBe(stored);
  });

  it.each(['strict', 'accept-new'] as const)(
    'refuses a changed key (%s), with both fingerprints and the place',
    async (checking) => {
      await using other = await startSshd();
      const wrong = (await readFile(other.knownHostsFile, 'utf8')).replaceAll(
        `:${other.port}`,
        `:${sshd.port}`,
      );
      const file = await knownHosts('changed', `# first line\n${wrong}`);
      const error = failure(await outcome({ knownHostsFiles: [file], hostKeyChecking: checking }));
      expect(error.code).toBe('ssh-host-key-changed');
      expect(error.details[0]).toMatch(/^it shows ssh-ed25519 SHA256:/);
      expect(error.details[1]).toMatch(/^known is ssh-ed25519 SHA256:.* \(.*changed:2\)$/);
      expect(error.next.join('\n')).toContain(`ssh-keygen -R '[127.0.0.1]:${sshd.port}' -f ${file}`);
      expect(await readFile(file, 'utf8')).toBe(`# first line\n${wrong}`);
    },
  );

  it('asks for the type of key that is known, when the host has several', async () => {
    const known = await readFile(sshd.knownHostsFile, 'utf8');
    const file = await knownHosts('rsa', `${known.split('\n').find((line) => line.includes('ssh-rsa'))}\n`);
    expect(await outcome({ knownHostsFiles: [file] })).toBe(sshd.user);
  });

  it('refuses a revoked key, though it is known', async () => {
    const known = await readFile(sshd.knownHostsFile, 'utf8');
    const [, ed25519] = /^\S+ (ssh-ed25519 \S+)/m.exec(known) ?? [];
    const file = await knownHosts('revoked', `${known}@revoked * ${ed25519}\n`);
    expect(failure(await outcome({ knownHostsFiles: [file] })).code).toBe('ssh-host-key-revoked');
  });

  it('refuses a key that RevokedHostKeys of the configuration names, and any where its file cannot be read', async () => {
    const revoked = join(directory, `revoked.${sshd.port}`);
    const clientOptions = ['-F', await configuration(`RevokedHostKeys ${directory}/revoked.%p`)];
    const unread = failure(await outcome({ clientOptions }));
    expect([unread.code, unread.details]).toEqual([
      'ssh-host-keys-unread',
      [expect.stringContaining(`${revoked}: ENOENT`)],
    ]);
    await writeFile(revoked, await readFile(`${sshd.identityFile}.pub`));
    expect(await outcome({ clientOptions })).toBe(sshd.user);
    await writeFile(revoked, await readFile(join(sshd.directory, 'host_ed25519.pub')));
    expect(failure(await outcome({ clientOptions }))).toMatchObject({
      code: 'ssh-host-key-revoked',
      details: [expect.any(String), `revoked in ${revoked}`],
    });
  });

  it('takes a file of known keys that cannot be read for no empty one', async () => {
    const told = { knownHostsFiles: [sshd.knownHostsFile, directory] };
    for (const hostKeyChecking of ['strict', 'accept-new'] as const) {
      const error = failure(await outcome({ ...told, hostKeyChecking }));
      expect([error.code, error.details[0]]).toEqual([
        'ssh-host-keys-unread',
        expect.stringContaining(`${directory}: EISDIR`),
      ]);
    }
  });

  it('finds the key in any of several files', async () => {
    const missing = join(directory, 'not-there');
    expect(await outcome({ knownHostsFiles: [missing, sshd.knownHostsFile] })).toBe(sshd.user);
  });
});

describe('logging in', () => {
  it('says what was tried when the host does not let us in', async () => {
    const stranger = join(directory, 'stranger');
    await generateKey(stranger, 'ed25519');
    const missing = join(directory, 'no-such-key');
    const error = failure(
      await outcome({ identityFiles: [missing, stranger], password: new Secret('hunter2') }),
    );
    expect(error.code).toBe('ssh-auth-failed');
    expect(error.details.join('\n')).toContain(`tried ${missing}: cannot be read (ENOENT)`);
    expect(error.details.join('\n')).toContain(`tried ${stranger} (ssh-ed25519)`);
    expect(error.details.join('\n')).toContain('the host accepts: publickey');
    expect(JSON.stringify(error)).not.toContain('hunter2');
  });

  it('opens an encrypted key with its passphrase, and says so when there is none or a wrong one', async () => {
    const identityFiles = [await encryptedKey('encrypted', sshd.identityFile)];
    expect(await outcome({ identityFiles, passphrase: new Secret('open sesame') })).toBe(sshd.user);
    const none = failure(await outcome({ identityFiles }));
    expect(none.details.join('\n')).toContain('encrypted, and no passphrase was given');
    expect(none.next.join('\n')).toContain('ssh-add');
    const wrong = failure(await outcome({ identityFiles, passphrase: new Secret('wrong') }));
    expect(wrong.details.join('\n')).toContain('the passphrase does not open it');
  });

  it('asks for the passphrase of a key that the host takes: once for many hosts, and again where it was wrong', async () => {
    const identityFiles = [await encryptedKey('asked', sshd.identityFile)];
    const asked: boolean[] = [];
    const askPassphrase: AskPassphrase = async (_file, again) => {
      asked.push(again);
      // The typing itself is what is tried: it lasts longer than a login may take, and does not count.
      await new Promise((resolve) => setTimeout(resolve, 5_200));
      return new Secret(again ? 'open sesame' : 'wrong');
    };
    const one = { identityFiles, askPassphrase, connectTimeoutMs: 5_000 };
    expect(await Promise.all([outcome(one), outcome(one), outcome(one)])).toEqual([
      sshd.user,
      sshd.user,
      sshd.user,
    ]);
    expect(asked).toEqual([false, true]);
  });

  it('asks for no passphrase of a key that the host does not take, and tells where nobody knew it', async () => {
    const stranger = join(directory, 'locked-stranger');
    await generateKey(stranger, 'ed25519');
    const never: AskPassphrase = () => Promise.reject(new Error('it was asked for'));
    const refused = failure(
      await outcome({ identityFiles: [await encryptedKey('stranger', stranger)], askPassphrase: never }),
    );
    expect(refused.details.join('\n')).toMatch(/stranger \(ssh-ed25519, encrypted\)/);
    const nobody: AskPassphrase = async () => undefined;
    const locked = await encryptedKey('nobody-knows', sshd.identityFile);
    const unopened = failure(await outcome({ identityFiles: [locked], askPassphrase: nobody }));
    expect(unopened).toMatchObject({ code: 'ssh-auth-failed' });
    expect(unopened.details.join('\n')).toContain(`${locked}: no passphrase opened it`);
  });

  it('asks on the terminal, which does not show it; Ctrl-C there leaves', async () => {
    const inventory = join(directory, 'locked.yml');
    const host = {
      ansible_host: '127.0.0.1',
      ansible_port: sshd.port,
      ansible_user: sshd.user,
      ansible_ssh_private_key_file: await encryptedKey('on-terminal', sshd.identityFile),
      pitr_known_hosts: sshd.knownHostsFile,
    };
    await writeFile(inventory, JSON.stringify({ all: { hosts: { db1: host, db2: host } } }));
    const words = ['exec', 'all', '-i', inventory, '--', 'echo', 'it', 'is', 'me'];
    const { screen, exitCode } = await onTerminal(words, [
      ['Passphrase of ', 'wrong\r'],
      ['That did not open it. ', 'open sesame\r'],
    ]);
    expect([screen.split('it is me').length - 1, screen.includes('sesame'), exitCode]).toEqual([2, false, 0]);
    const left = await onTerminal(words, [['Passphrase of ', CTRL_C]]);
    expect([left.exitCode, left.screen]).toEqual([130, expect.stringContaining('Interrupted')]);
  });

  it('uses the keys of an agent', async () => {
    const socket = join(directory, 'agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    const before = process.env.SSH_AUTH_SOCK;
    try {
      await once(agent.stdout, 'data');
      process.env.SSH_AUTH_SOCK = socket;
      const add = spawn('ssh-add', ['-q', sshd.identityFile], { stdio: 'ignore' });
      await once(add, 'exit');
      const missing = join(directory, 'no-such-key');
      expect(await outcome({ identityFiles: [missing] })).toBe(sshd.user);
      // What the agent holds is asked for from nobody, though its file is encrypted.
      const never: AskPassphrase = () => Promise.reject(new Error('it was asked for'));
      const locked = await encryptedKey('in-the-agent', sshd.identityFile);
      expect(await outcome({ identityFiles: [locked], askPassphrase: never })).toBe(sshd.user);
    } finally {
      if (before === undefined) delete process.env.SSH_AUTH_SOCK;
      else process.env.SSH_AUTH_SOCK = before;
      agent.kill();
    }
  });

  it('offers of many keys of an agent those first, or alone (IdentitiesOnly), that the configuration names', async () => {
    const socket = join(directory, 'full-agent.sock');
    const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] });
    try {
      await once(agent.stdout, 'data');
      const env = { ...process.env, SSH_AUTH_SOCK: socket };
      const add = async (file: string) =>
        once(spawn('ssh-add', ['-q', file], { env, stdio: 'ignore' }), 'exit');
      for (let more = 0; more < 7; more += 1) {
        await generateKey(join(directory, `agent-${more}`), 'ed25519');
        await add(join(directory, `agent-${more}`));
      }
      // More than sshd lets anybody try.
      const by = async (...lines: readonly string[]) =>
        outcome({
          identityFiles: [],
          clientOptions: ['-F', await configuration([`IdentityAgent ${socket}`, ...lines].join('\n'))],
        });
      const named = `IdentityFile ${sshd.directory}/%u-%h`;
      expect(failure(await by(named)).code).toBe('ssh-auth-failed');
      await copyFile(sshd.identityFile, `${sshd.directory}/${sshd.user}-127.0.0.1`);
      expect(await by(named, 'IdentitiesOnly yes')).toBe(sshd.user);
      await add(sshd.identityFile);
      expect(await by(named)).toBe(sshd.user);
      expect(await by(`IdentityFile ${sshd.identityFile}.pub`, 'IdentitiesOnly yes')).toBe(sshd.user);
      expect(failure(await by(`IdentityFile ${directory}/agent-0`, 'IdentitiesOnly yes')).details).toEqual([
        `tried 1 key of the agent at ${socket}`,
      ]);
    } finally {
      agent.kill();
    }
  });

  it('goes through a jump host that stands in the same configuration file (-F)', async () => {
    const behind = await configuration(
      [
        `Host behind\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  ProxyJump gate`,
        `Host gate\n  HostName 127.0.0.1\n  Port ${sshd.port}`,
      ].join('\n'),
    );
    expect(await outcome({ address: 'behind', port: undefined, clientOptions: ['-F', behind] })).toBe(
      sshd.user,
    );
  });

  it('goes through a jump host, whose key is checked too', async () => {
    await using inner = await startSshd();
    const known = `${await readFile(sshd.knownHostsFile, 'utf8')}${await readFile(inner.knownHostsFile, 'utf8')}`;
    const authorized = join(sshd.directory, 'authorized_keys');
    await writeFile(
      authorized,
      `${await readFile(authorized, 'utf8')}${await readFile(`${inner.identityFile}.pub`, 'utf8')}`,
    );
    const settings = { ...inner.settings, knownHostsFiles: [await knownHosts('jump', known)] };
    const via = [`${sshd.user}@127.0.0.1:${sshd.port}`];
    const session = await login(settings, new AbortController().signal, via);
    session.end();
    expect((await session.lost).code).toBe('connection-lost');
    const refused = { ...settings, knownHostsFiles: [inner.knownHostsFile] };
    await expect(login(refused, new AbortController().signal, via)).rejects.toMatchObject({
      code: 'ssh-host-key-unknown',
    });
  });
});

describe('hosts that cannot be reached', () => {
  it('tells a refused connection', async () => {
    expect(failure(await outcome({ port: await freePort() })).code).toBe('connect-refused');
  });

  it('tells a name that nobody knows', async () => {
    expect(failure(await outcome({ address: 'no-such-host.invalid' })).code).toBe('host-name-unknown');
  });

  it('tells a host that takes the connection and then says nothing', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const error = failure(await outcome({ port, connectTimeoutMs: 300 }));
    expect(error.code).toBe('connect-timeout');
    expect(error.message).toContain('the SSH handshake');
    silent.close();
  });

  it('tells a port where something else than SSH answers', async () => {
    const http = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await once(http, 'listening');
    const address = http.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    expect(failure(await outcome({ port, connectTimeoutMs: 3_000 })).code).toBe('ssh-handshake-failed');
    http.close();
  });

  it('tells an account whose shell runs no commands', async () => {
    await using forced = await startSshd({ config: ['ForceCommand echo This account is closed.; exit 1'] });
    const host = connectHost('db1', forced.settings);
    const refused = host.run(['true']);
    await expect(refused).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'shell-not-answering',
      evidence: { exitCode: 1, stderr: 'This account is closed.' },
    });
    await host.close();
  });

  it('notices within seconds that a host is frozen', async () => {
    await using frozen = await startSshd();
    const host = connectHost('db1', frozen.settings);
    await host.connect();
    const running = host.run(['cat', '/dev/null']).then(() => host.run(['sleep', '100']));
    running.catch(() => {});
    const connections = await frozen.connections();
    for (const pid of connections) endProcess(pid, 'SIGSTOP');
    await expect(running).rejects.toMatchObject({ kind: 'unreachable', host: 'db1' });
    for (const pid of connections) endProcess(pid, 'SIGCONT');
    await host.close();
  });

  it('connects again when the connection was lost meanwhile', async () => {
    const host = connectHost('db1', sshd.settings);
    await host.connect();
    for (const pid of await sshd.connections()) endProcess(pid, 'SIGKILL');
    const failed = await host.run(['true']).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failed !== undefined) expect(failed).toMatchObject({ kind: 'unreachable' });
    expect((await host.run(['echo', 'again'])).stdout).toBe('again\n');
    await host.close();
  });

  it('stops connecting at an abort', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const address = silent.address();
    const port = address !== null && typeof address === 'object' ? address.port : 0;
    const host = connectHost('db1', { ...sshd.settings, port });
    const controller = new AbortController();
    const connecting = host.connect(controller.signal);
    connecting.catch(() => {});
    controller.abort();
    await expect(connecting).rejects.toMatchObject({ kind: 'interrupted' });
    await host.close();
    silent.close();
  });
});

describe('sessions', () => {
  it('waits for a session where sshd allows only few at once', async () => {
    await using few = await startSshd({ config: ['MaxSessions 3'] });
    const host = connectHost('db1', few.settings);
    await host.connect();
    const numbers = Array.from({ length: 12 }, (_, index) => index);
    const results = await Promise.all(
      numbers.map((n) => host.run(['sh', '-c', `echo ${n}`], { ownChannel: true })),
    );
    expect(results.map(({ stdout }) => stdout)).toEqual(numbers.map((n) => `${n}\n`));
    await host.close();
  });

  it('needs no more than one session on a connection', async () => {
    await using one = await startSshd({ config: ['MaxSessions 1'] });
    const host = connectHost('db1', one.settings);
    const long = host.run(['sleep', '1'], { ownChannel: true });
    expect((await host.run(['echo', 'beside'])).stdout).toBe('beside\n');
    const late = await host.run(['sleep', '60'], { ownChannel: true, timeoutMs: 500 });
    expect([late.timedOut, (await long).exitCode]).toEqual([true, 0]);
    const stream = await host.spawn(['cat']);
    stream.stdin.end('streamed');
    const [text] = await Promise.all([stream.stdout.toArray(), stream.ended]);
    expect(Buffer.concat(text).toString()).toBe('streamed');
    await host.close();
  });

  it('knows how a command ended that was over before a busy controller looked', async () => {
    const connection = new SshConnection(sshd.settings);
    await connection.connect();
    // All that arrives meanwhile is read in one go.
    const hog = setInterval(() => {
      const end = performance.now() + 400;
      while (performance.now() < end);
    });
    try {
      for (let round = 0; round < 4; round++) {
        const channel = await connection.open('exit 3');
        channel.stdout.resume();
        channel.stderr.resume();
        expect([round, await channel.ended]).toEqual([round, { kind: 'exited', exitCode: 3 }]);
      }
    } finally {
      clearInterval(hog);
      await connection.close();
    }
  });

  it('hears nothing of what the login shell prints at start', async () => {
    await using noisy = await startSshd({
      config: ['ForceCommand echo noise; echo noise >&2; eval "$SSH_ORIGINAL_COMMAND"'],
    });
    const host = connectHost('db1', noisy.settings);
    for (const ownChannel of [false, true]) {
      expect(await host.run(['echo', 'x'], { ownChannel })).toMatchObject({ stdout: 'x\n', stderr: '' });
    }
    await host.close();
  });

  it('goes on while the host asks for new keys again and again (RekeyLimit), with its own key looked at each time', async () => {
    await using strict = await startSshd({ config: ['RekeyLimit 300K', 'LogLevel DEBUG1'] });
    const revoked = join(directory, 'revoked-of-rekey');
    await writeFile(revoked, await readFile(`${strict.identityFile}.pub`));
    const clientOptions = ['-F', await configuration(`RevokedHostKeys ${revoked}`)];
    const host = connectHost('db1', { ...strict.settings, clientOptions });
    const bytes = randomBytes(10 * 1024 * 1024);
    const child = await host.spawn(['cat']);
    child.stderr.resume();
    child.stdin.end(bytes);
    const [back] = await Promise.all([buffer(child.stdout), child.ended]);
    expect(back.equals(bytes)).toBe(true);
    expect(strict.log().split('rekeying').length).toBeGreaterThan(20);
    await host.close();
  });

  it('hands every argument on as it is where the login shell is fish', async () => {
    const fish = await needProgram('/usr/bin/fish', 'fish');
    await using other = await startSshd({ config: [`ForceCommand ${fish} -c "$SSH_ORIGINAL_COMMAND"`] });
    const host = connectHost('db1', other.settings);
    const words = ['a\\\\b', "it's", "\\'", 'x\\', 'a\nb'];
    for (const ownChannel of [false, true]) {
      const { stdout } = await host.run(['printf', '%s|', ...words], { ownChannel });
      expect([ownChannel, stdout]).toEqual([ownChannel, words.map((word) => `${word}|`).join('')]);
    }
    await host.close();
  });

  it('opens nothing before it is needed', async () => {
    const host = connectHost('db1', { ...sshd.settings, address: 'no-such-host.invalid' });
    expect(host.address).toBe(`ssh ${sshd.user}@no-such-host.invalid:${sshd.port}`);
    await host.close();
    await expect(host.run(['true'])).rejects.toMatchObject({ code: 'connection-closed' });
  });
});
