import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connectHost } from '../../lib/transport/connect.ts';
import type { SshSettings } from '../../lib/transport/types.ts';
import { endProcess, type StartedSshd, startSshd } from '../support/sshd.ts';

let sshd: StartedSshd;
let directory: string;

beforeAll(async () => {
  sshd = await startSshd();
  directory = await mkdtemp(join(tmpdir(), 'pitr-proxy-test-'));
});

afterAll(async () => {
  await sshd.stop();
  await rm(directory, { recursive: true, force: true });
});

/** A configuration of the OpenSSH client in which `gate` is the server itself, reached without any proxy. */
async function configuration(text: string): Promise<string> {
  const file = join(directory, 'config');
  await writeFile(
    file,
    [
      `Host gate\n  HostName 127.0.0.1\n  Port ${sshd.port}\n  User ${sshd.user}`,
      `  IdentityFile ${sshd.identityFile}\n  UserKnownHostsFile ${sshd.knownHostsFile}`,
      `Host *\n  ${text}`,
    ].join('\n'),
  );
  return file;
}

function reach(changes: Partial<SshSettings>): ReturnType<typeof connectHost> {
  return connectHost('db1', { ...sshd.settings, ...changes });
}

async function behind(
  text: string,
  changes: Partial<SshSettings> = {},
): Promise<ReturnType<typeof connectHost>> {
  return reach({ clientOptions: ['-F', await configuration(text)], ...changes });
}

/** The last lines alone of a long count. */
function endOf(words: string): unknown {
  return expect.stringMatching(new RegExp(`^(?:\\d+\\n){11}${words}$`));
}

/** A program on the way that tells in a file that it has been started, and by whom it was ended. */
async function relay(name: string): Promise<{ readonly command: string; readonly log: string }> {
  const [program, log] = [join(directory, name), join(directory, `${name}.log`)];
  await writeFile(
    program,
    `#!/bin/bash
echo "begun $$ $(ps -o sid= -p $$) $*" >>${log}
trap 'echo HUP >>${log}; exit 1' HUP
exec 3<>/dev/tcp/127.0.0.1/${sshd.port}
cat <&3 & cat >&3
echo end >>${log}
`,
    { mode: 0o755 },
  );
  return { command: `${program} %h:%p as %r from %n, 100%%`, log };
}

describe('a ProxyCommand of the ssh configuration', () => {
  it('is the way to the host, as that of `ssh -W` through another one', async () => {
    const file = await configuration('User nobody');
    const host = reach({ clientOptions: ['-F', file, '-o', `ProxyCommand=ssh -F ${file} -W %h:%p gate`] });
    expect((await host.run(['id', '-un'])).stdout.trim()).toBe(sshd.user);
    const big = 'x'.repeat(5_000_000);
    expect((await host.run(['cat'], { stdin: big })).stdout === big).toBe(true);
    await host.close();
  });

  it('has its tokens filled in, a session of its own, so that Ctrl-C ends pitr alone, and is ended with the connection', async () => {
    const { command, log } = await relay('relay');
    const host = await behind(`HostName 127.0.0.1\n  ProxyCommand ${command}`, { address: 'behind' });
    // A known key stands under the name and port of the host, whatever the way.
    await host.connect();
    await host.close();
    const lines = async () => (await readFile(log, 'utf8')).trim().split('\n');
    const [begun = ''] = await lines();
    const [, pid, session, words] = /^begun (\d+) +(\d+) (.*)$/.exec(begun) ?? [];
    expect([session, words]).toEqual([pid, `127.0.0.1:${sshd.port} as ${sshd.user} from behind, 100%`]);
    // It hears of its end when it is its turn.
    await vi.waitFor(async () => expect((await lines()).slice(1)).not.toEqual([]), 30_000);
  });

  it('tells of one that fails what it said, and how it ended', async () => {
    const host = await behind('ProxyCommand sh -c "echo no route to %h >&2; exit 7"');
    await expect(host.connect()).rejects.toMatchObject({
      kind: 'unreachable',
      code: 'ssh-proxy-failed',
      message: `the ProxyCommand of the ssh configuration ended (exit code 7), and no SSH session came about: 127.0.0.1 port ${sshd.port}`,
      evidence: {
        command: 'sh -c "echo no route to 127.0.0.1 >&2; exit 7"',
        stderr: 'no route to 127.0.0.1',
      },
      next: [
        expect.stringMatching(
          new RegExp(
            `^Try it by hand: ssh -i .* -F ${directory}/config -p ${sshd.port} ${sshd.user}@127\\.0\\.0\\.1$`,
          ),
        ),
      ],
    });
    await host.close();
  });

  it('shows of one that says much only the end', async () => {
    const host = await behind('ProxyCommand sh -c "seq 100000 >&2; echo no route >&2; exit 7"');
    await expect(host.connect()).rejects.toMatchObject({ evidence: { stderr: endOf('no route') } });
    await host.close();
  });

  it.each([
    ['one that is not there', 'no-such-program %h', 10_000, /ended \(exit code 127\)/],
    ['one that says nothing', 'sleep 100', 500, /no answer within 0.5 s \(waiting for the SSH handshake\)/],
  ])('tells of %s', async (_, command, connectTimeoutMs, message) => {
    const host = await behind(`ProxyCommand ${command}`, { connectTimeoutMs });
    await expect(host.connect()).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringMatching(message),
    });
    await host.close();
  });

  it('tells of one that ends under a running command, and starts it again for the next one', async () => {
    const { command, log } = await relay('lost');
    const host = await behind(`ProxyCommand ${command}`);
    await host.connect();
    const running = host.run(['sleep', '100']);
    running.catch(() => {});
    const [, pid = ''] = /^begun (\d+)/.exec(await readFile(log, 'utf8')) ?? [];
    endProcess(Number(pid), 'SIGKILL');
    await expect(running).rejects.toMatchObject({
      kind: 'unreachable',
      message: expect.stringContaining('its ProxyCommand ended (signal SIGKILL)'),
    });
    expect((await host.run(['echo', 'again'])).stdout).toBe('again\n');
    await host.close();
  });

  it.each(['$(touch x)', '-oProxyCommand=x', "a'b"])(
    'is never given the name %j, which a shell would misread',
    async (user) => {
      const host = await behind('ProxyCommand true %r', { user });
      await expect(host.connect()).rejects.toMatchObject({ kind: 'unreachable' });
      await host.close();
    },
  );

  it('is given to a user of a domain, where no shell is told the name', async () => {
    const host = await behind(`ProxyCommand ${(await relay('domain')).command.split(' ')[0]}`, {
      user: 'CORP\\alice',
    });
    await expect(host.connect()).rejects.toMatchObject({ code: 'ssh-auth-failed' });
    await host.close();
  });

  it('is refused where it hands a socket over (ProxyUseFdpass), and is nothing where the inventory names the way', async () => {
    const handsOver = await behind('ProxyCommand true\n  ProxyUseFdpass yes');
    await expect(handsOver.connect()).rejects.toMatchObject({ code: 'ssh-proxy-hands-over' });
    await handsOver.close();
    const direct = await behind('ProxyCommand false', { jumps: [] });
    expect((await direct.run(['echo', 'there'])).stdout).toBe('there\n');
    await direct.close();
  });
});

describe('a KnownHostsCommand of the ssh configuration', () => {
  const asks = async (script: string): Promise<ReturnType<typeof connectHost>> => {
    const program = join(directory, 'known');
    await writeFile(program, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    const text = `UserKnownHostsFile ${directory}/none\n  KnownHostsCommand ${program} %I %H %t`;
    return behind(text, { knownHostsFiles: [] });
  };

  it('tells the keys of hosts, before one is shown and of that one', async () => {
    const log = join(directory, 'asked');
    const host = await asks(`echo "$*" >>${log}; cat ${sshd.knownHostsFile}`);
    expect((await host.run(['echo', 'there'])).stdout).toBe('there\n');
    await host.close();
    const name = `[127.0.0.1]:${sshd.port}`;
    expect(await readFile(log, 'utf8')).toBe(`ORDER ${name} NONE\nHOSTNAME ${name} ssh-ed25519\n`);
  });

  it('is no reason to trust a host that it does not name, nor one of which it tells another key', async () => {
    const unknown = await asks('echo "elsewhere ssh-ed25519 AAAA"');
    await expect(unknown.connect()).rejects.toMatchObject({
      code: 'ssh-host-key-unknown',
      details: expect.arrayContaining([`asked ${directory}/known %I %H %t`]),
    });
    await unknown.close();
    await using other = await startSshd();
    const [, key] = (await readFile(other.knownHostsFile, 'utf8')).split('ssh-ed25519 ');
    const changed = await asks(`echo '[127.0.0.1]:${sshd.port} ssh-ed25519 ${key?.trim()}'`);
    await expect(changed.connect()).rejects.toMatchObject({
      code: 'ssh-host-key-changed',
      details: [expect.stringMatching(/^it shows /), expect.stringContaining('(KnownHostsCommand:1)')],
      next: [
        expect.stringMatching(/^Compare /),
        `Only when the host was rebuilt, let the KnownHostsCommand tell its new key: ${directory}/known %I %H %t`,
      ],
    });
    await changed.close();
  });

  it('may tell the keys of thousands of hosts, and read its stdin', async () => {
    const many = `head -c 3000000 /dev/zero | tr '\\0' x | fold -w 400 | sed 's/^/host ssh-rsa /'`;
    const host = await asks(`cat; ${many}; echo; cat ${sshd.knownHostsFile}`);
    expect((await host.run(['echo', 'there'])).stdout).toBe('there\n');
    await host.close();
  });

  it.each(['ORDER', 'HOSTNAME'])(
    'that hangs when asked for %s, whatever signal it is sent, is ended when its time is over',
    async (reason) => {
      const host = await asks(
        `trap '' TERM; cat ${sshd.knownHostsFile}; i=0; while [ "$1" = ${reason} ] && [ $i -lt 40 ]; do sleep 1; i=$((i+1)); done`,
      );
      const since = performance.now();
      await expect(host.connect()).rejects.toMatchObject({ code: 'ssh-known-hosts-command' });
      expect(performance.now() - since).toBeLessThan(30_000);
      await host.close();
    },
  );

  it('that is still asked when the connection is closed leads to no login', async () => {
    const [asked, go] = [join(directory, 'slow'), join(directory, 'go')];
    const host = await asks(
      `: >>${asked}; until [ -e ${go} ]; do sleep 0.05; done; cat ${sshd.knownHostsFile}`,
    );
    const before = sshd.log();
    const connecting = host.connect();
    const refused = expect(connecting).rejects.toMatchObject({ kind: 'unreachable' });
    await vi.waitUntil(() => existsSync(asked), { timeout: 30_000 });
    const closing = host.close();
    await writeFile(go, '');
    await closing;
    await refused;
    expect(sshd.log().slice(before.length)).not.toContain('Connection from');
  });

  it.each(['ORDER', 'HOSTNAME'])(
    'that fails when asked for %s is no silence: nothing is known then',
    async (reason) => {
      const host = await asks(
        `cat ${sshd.knownHostsFile}; [ "$1" != ${reason} ] || { echo broken >&2; exit 3; }`,
      );
      await expect(host.connect()).rejects.toMatchObject({
        code: 'ssh-known-hosts-command',
        evidence: { stderr: expect.stringContaining('broken') },
      });
      await host.close();
    },
  );

  it('that says much when it fails is shown with the end of it', async () => {
    const host = await asks('seq 100000 >&2; echo broken >&2; exit 3');
    await expect(host.connect()).rejects.toMatchObject({ evidence: { stderr: endOf('broken') } });
    await host.close();
  });

  it('that does not name a host leads to no file that keeps nothing', async () => {
    const config = await configuration('UserKnownHostsFile /dev/null\n  KnownHostsCommand /bin/true');
    const host = reach({ clientOptions: ['-F', config], knownHostsFiles: [] });
    await expect(host.connect()).rejects.toMatchObject({
      code: 'ssh-host-key-unknown',
      next: [
        expect.stringMatching(/^Compare /),
        'The ssh configuration keeps no host keys (UserKnownHostsFile /dev/null): name a file of them in the inventory (pitr_known_hosts).',
        expect.stringMatching(/accept-new/),
      ],
    });
    await host.close();
  });

  it('is not asked where the inventory names the files', async () => {
    const named = await behind('KnownHostsCommand /bin/false');
    expect((await named.run(['echo', 'there'])).stdout).toBe('there\n');
    await named.close();
  });
});
