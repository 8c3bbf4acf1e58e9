import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StartedTestContainer } from 'testcontainers';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { imageName } from '../../lab/image.ts';
import { Secret } from '../../lib/base/values/secret.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import type { BecomeSettings, HostConnection } from '../../lib/transport/types.ts';
import { CTRL_C, onTerminal } from '../support/terminal.ts';
import { ENDING } from './contract.ts';

const PASSWORD = "p'a ss$word";

/**
 * Who may do what: `free` sudo without a password, `asked` with one, `tied` only from a terminal, `plain` nothing; `worker`
 * is to be become.
 */
const ACCOUNTS = `
set -e
for user in free asked plain tied worker; do useradd -m -s /bin/bash "$user"; done
printf 'asked:%s\\ntied:%s\\nworker:%s\\n' "$1" "$1" "$1" | chpasswd
printf 'permit nopass free as worker\\n' >/etc/doas.conf && chmod 0400 /etc/doas.conf
printf 'free ALL=(ALL) NOPASSWD: ALL\\nasked ALL=(ALL) ALL\\n' >/etc/sudoers.d/pitr-test
printf 'Defaults:tied requiretty\\ntied ALL=(ALL) ALL, (worker) NOPASSWD: ALL\\n' >>/etc/sudoers.d/pitr-test
`;

let container: StartedTestContainer;

beforeAll(async () => {
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  const { GenericContainer } = await import('testcontainers');
  container = await new GenericContainer(await imageName())
    .withEntrypoint(['sleep'])
    .withCommand(['100000'])
    .start();
  const root = connectHost('root', { kind: 'docker', container: container.getId(), user: 'root' });
  const made = await root.run(['sh', '-c', ACCOUNTS, 'sh', PASSWORD]);
  expect(made).toMatchObject({ exitCode: 0 });
  await root.close();
});

afterAll(async () => {
  await container.stop({ timeout: 0 });
});

async function as<T>(
  user: string,
  become: BecomeSettings | undefined,
  use: (host: HostConnection) => Promise<T>,
): Promise<T> {
  const host = connectHost('db1', { kind: 'docker', container: container.getId(), user, become });
  try {
    return await use(host);
  } finally {
    await host.close();
  }
}

describe('becoming another user', () => {
  it('uses sudo without a password where sudoers allow it', async () => {
    const { stdout } = await as('free', undefined, (host) =>
      host.run(['sh', '-c', 'id -un; echo $HOME'], { user: 'worker' }),
    );
    expect(stdout).toBe('worker\n/home/worker\n');
  });

  it('names what a command left running as another user, whom the login may not signal', async () => {
    await as('free', undefined, async (host) => {
      const script = `sudo -u worker sh -c 'trap "" TERM; echo there; sleep 100; sleep 100' & wait`;
      const ours = new AbortController();
      const run = host.run(['sh', '-c', script], { signal: ours.signal, onOutput: () => ours.abort() });
      const failure: unknown = await run.catch((error: unknown) => error);
      expect(failure).toMatchObject({
        code: 'command-not-ended',
        message: 'not all processes of the command have ended on the host, although they were killed',
        next: [
          expect.stringMatching(/^Look at it on the host: ps -o pid,user,stat,wchan,args -p \d+(,\d+)*$/),
        ],
      });
      const [look = ''] = (failure as { next: string[] }).next;
      const { stdout } = await host.run(['sh', '-c', look.replace(/^[^:]*: /, '')]);
      expect(stdout).toContain('trap');
      await host.run(['pkill', '-KILL', '-u', 'worker'], { user: 'root' });
    });
  });

  it('uses doas where the inventory says so, and tells what doas says when its rules do not allow it', async () => {
    const doas = { method: 'doas' } as const;
    const { stdout } = await as('free', doas, (host) =>
      host.run(['sh', '-c', 'id -un; echo $HOME'], { user: 'worker' }),
    );
    expect(stdout).toBe('worker\n/home/worker\n');
    await expect(as('plain', doas, (host) => host.run(['true'], { user: 'worker' }))).rejects.toMatchObject({
      code: 'become-failed',
      evidence: { stderr: expect.stringContaining('not permitted') },
    });
  });

  it('uses the password that pitr asks for on the terminal, which does not show it', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'pitr-become-'));
    const inventory = join(directory, 'hosts.yml');
    const host = { ansible_connection: 'docker', ansible_host: container.getId(), ansible_user: 'asked' };
    await writeFile(
      inventory,
      JSON.stringify({
        all: { hosts: { db1: { ...host, ansible_become: true, ansible_become_user: 'worker' } } },
      }),
    );
    try {
      const words = ['exec', 'db1', '-i', inventory, '-K', '--', 'id', '-un'];
      const { screen, exitCode } = await onTerminal(words, [['Become password: ', `${PASSWORD}\r`]]);
      expect([screen.includes('worker'), screen.includes(PASSWORD), exitCode]).toEqual([true, false, 0]);
      const left = await onTerminal(words, [['Become password: ', CTRL_C]]);
      expect([left.exitCode, left.screen]).toEqual([130, expect.stringContaining('No host was contacted.')]);
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('never waits for a password that nobody gave', async () => {
    await expect(
      as('asked', undefined, (host) => host.run(['true'], { user: 'worker' })),
    ).rejects.toMatchObject({
      kind: 'failed',
      code: 'become-failed',
      host: 'db1',
      next: expect.arrayContaining([expect.stringContaining('NOPASSWD')]),
    });
  });

  it.each([
    ['sudo', 'asked', 'root'],
    ['sudo', 'free', 'worker'],
    ['sudo', 'tied', 'root'],
    ['su', 'plain', 'worker'],
  ] as const)('gives the password to %s by stdin, and no command sees it', async (method, login, user) => {
    const become = { method, password: new Secret(PASSWORD) };
    await as(login, become, async (host) => {
      for (const ownChannel of [false, true]) {
        const { stdout } = await host.run(['sh', '-c', 'id -un; cat'], {
          user,
          ownChannel,
          stdin: 'the stdin',
        });
        expect(stdout).toBe(`${user}\nthe stdin`);
      }
      const look = await host.run(['sh', '-c', 'cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null'], {
        user,
      });
      expect(look.stdout.length).toBeGreaterThan(0);
      expect(look.stdout).not.toContain(PASSWORD);
    });
  });

  it('gives sudo a terminal where it insists on one; bytes stay as they are, outputs apart, exit codes true', async () => {
    await as('tied', undefined, async (host) => {
      const bare = await host.run(['sudo', '-n', '-u', 'worker', 'true']);
      expect(bare.stderr).toMatch(/must have a tty/);
      const bytes = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
      await host.writeFile('/home/worker/bytes', bytes, { user: 'worker' });
      const user = 'worker';
      expect(Buffer.from(await host.readFile('/home/worker/bytes', { user }))).toEqual(bytes);
      for (const ownChannel of [false, true]) {
        const command = 'id -un; cat; echo apart >&2; exit 3';
        const result = await host.run(['sh', '-c', command], { user, ownChannel, stdin: 'the stdin\n' });
        expect(result).toMatchObject({ stdout: 'worker\nthe stdin\n', stderr: 'apart\n', exitCode: 3 });
      }
      const at = await Promise.all([1, 2, 3].map(() => host.run(['id', '-un'], { user, ownChannel: true })));
      expect(at.map(({ stdout }) => stdout)).toEqual(['worker\n', 'worker\n', 'worker\n']);
      const ended = await host.run(['sh', '-c', 'sleep 123457; true'], { user, timeoutMs: 500 });
      expect(ended).toMatchObject({ timedOut: true, signal: ENDING });
      const left = await host.run(['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null']);
      expect(left.stdout).not.toContain('sleep\u0000123457');
    });
    // Shells end with their connection, and take the terminals along.
    await as('free', undefined, async (host) => {
      const left = async () => (await host.run(['sh', '-c', 'pgrep -x script || :'])).stdout;
      await vi.waitFor(async () => expect(await left()).toBe(''), 20_000);
    });
  });

  it('takes a wrong password for an error of its own', async () => {
    const become = { method: 'sudo', password: new Secret('wrong') } as const;
    await expect(as('asked', become, (host) => host.run(['true'], { user: 'root' }))).rejects.toMatchObject({
      kind: 'failed',
      code: 'become-password-wrong',
    });
  });

  it('ends what another user runs, with its children', async () => {
    await as('free', undefined, async (host) => {
      const result = await host.run(['sh', '-c', 'sleep 123456; true'], { user: 'root', timeoutMs: 500 });
      expect(result).toMatchObject({ timedOut: true, signal: ENDING });
      const { stdout } = await host.run(['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null']);
      expect(stdout).not.toContain('sleep\u0000123456');
    });
  });

  it('writes and reads files as another user', async () => {
    await as('free', undefined, async (host) => {
      await host.writeFile('/home/worker/file', 'content', { user: 'worker', mode: 0o600 });
      const owner = await host.run(['stat', '-c', '%U %a', '/home/worker/file'], { user: 'worker' });
      expect(owner.stdout).toBe('worker 600\n');
      await expect(host.readFile('/home/worker/file')).rejects.toMatchObject({ kind: 'failed' });
      expect(Buffer.from(await host.readFile('/home/worker/file', { user: 'worker' })).toString()).toBe(
        'content',
      );
    });
  });

  it('keeps the variables of a command out of every process list', async () => {
    await as('free', undefined, async (host) => {
      for (const ownChannel of [false, true]) {
        const { stdout } = await host.run(['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null'], {
          env: { PGPASSWORD: 'hunter2-in-env' },
          ownChannel,
        });
        expect(stdout).not.toContain('hunter2-in-env');
      }
    });
  });
});
