import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { typedCommand } from '../../cli/recover/typed-command.ts';
import { connectHost } from '../../lib/transport/connect.ts';
import { sshByHand } from '../../lib/transport/ssh/by-hand.ts';
import { login } from '../../lib/transport/ssh/login.ts';
import { resolveTarget } from '../../lib/transport/ssh/target.ts';
import type { SshSettings } from '../../lib/transport/types.ts';
import { pitr } from '../support/pitr.ts';
import { type StartedSshd, startSshd } from '../support/sshd.ts';

/** Each lets a connection through to the next one alone: another order, or a hop less, leads nowhere. */
let inner: StartedSshd;
let second: StartedSshd;
let first: StartedSshd;
let directory: string;
/** How the inner one is logged in to, if it can be reached. */
let settings: SshSettings;

beforeAll(async () => {
  inner = await startSshd();
  second = await startSshd({ config: [`PermitOpen 127.0.0.1:${inner.port}`] });
  first = await startSshd({ config: [`PermitOpen 127.0.0.1:${second.port}`] });
  directory = await mkdtemp(join(tmpdir(), 'pitr-jump-test-'));
  // A jump host is reached with the keys of the host behind it.
  const key = await readFile(`${inner.identityFile}.pub`);
  for (const jump of [first, second]) await writeFile(join(jump.directory, 'authorized_keys'), key);
  const known = await Promise.all(
    [first, second, inner].map(({ knownHostsFile }) => readFile(knownHostsFile, 'utf8')),
  );
  const knownHostsFile = join(directory, 'known_hosts');
  await writeFile(knownHostsFile, known.join(''));
  settings = { ...inner.settings, knownHostsFiles: [knownHostsFile] };
});

afterAll(async () => {
  await Promise.all([inner, second, first].map((sshd) => sshd.stop()));
  await rm(directory, { recursive: true, force: true });
});

const place = ({ user, port }: StartedSshd): string => `${user}@127.0.0.1:${port}`;

/** Who it is there. */
async function whoIs(changes: Partial<SshSettings>): Promise<string> {
  const host = connectHost('behind', { ...settings, ...changes });
  try {
    return (await host.run(['id', '-un'])).stdout.trim();
  } finally {
    await host.close();
  }
}

/** Only what is printed leads there: no agent that has a key. */
const onlyPrinted = () => ({ PATH: process.env.PATH });

describe('a host behind two jump hosts', () => {
  it('is logged in to through both of them, the nearest first', async () => {
    const session = await login(settings, new AbortController().signal, [place(first), place(second)]);
    for (const sshd of [first, second, inner]) expect((await sshd.connections()).length).toBeGreaterThan(0);
    session.end();
    expect((await session.lost).code).toBe('connection-lost');
    const theOtherWay = login(settings, new AbortController().signal, [place(second), place(first)]);
    await expect(theOtherWay).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('is reached by what the inventory says (pitr_jump)', async () => {
    expect(await whoIs({ jumps: [place(first), place(second)] })).toBe(inner.user);
    await expect(whoIs({ jumps: [place(first)] })).rejects.toMatchObject({ kind: 'unreachable' });
  });

  it('is reached by what a configuration of the OpenSSH client says (ProxyJump)', async () => {
    const file = join(directory, 'config');
    const of = (name: string, { port }: StartedSshd) =>
      `Host ${name}\n  HostName 127.0.0.1\n  Port ${port}\n`;
    const hosts = [of('near', first), of('far', second), of('behind', inner)];
    await writeFile(file, `${hosts.join('')}  ProxyJump near,far\n`);
    const there = { address: 'behind', port: undefined, clientOptions: ['-F', file] };
    expect(await whoIs(there)).toBe(inner.user);
  });

  it('is reached by what an inventory of Ansible says (ansible_ssh_common_args)', async () => {
    const option = `ProxyJump=${place(first)},${place(second)}`;
    expect(await whoIs({ clientOptions: ['-o', option] })).toBe(inner.user);

    const inventory = join(directory, 'inventory.yml');
    const behind = {
      ansible_host: '127.0.0.1',
      ansible_port: inner.port,
      ansible_user: inner.user,
      ansible_ssh_private_key_file: inner.identityFile,
      pitr_known_hosts: join(directory, 'known_hosts'),
    };
    const words = ['exec', 'behind', '-i', inventory, '--', 'echo', 'it', 'is', 'me'];
    const by = async (args: string) => {
      const host = { ...behind, ansible_ssh_common_args: args };
      await writeFile(inventory, JSON.stringify({ all: { hosts: { behind: host } } }));
      return pitr(words);
    };
    const reached = await by(`-C -o ControlMaster=auto -o ${option}`);
    expect([reached.exitCode, reached.stdout]).toEqual([0, expect.stringContaining('it is me')]);
    // It is this way that was gone: the first one alone does not let through to it.
    const unreached = await by(`-o ProxyJump=${place(first)}`);
    expect([unreached.exitCode, unreached.stdout]).toEqual([4, expect.not.stringContaining('it is me')]);
  });

  it.each([
    ['pitr_jump', () => ({ jumps: [place(first), place(second)] })],
    [
      'ansible_ssh_common_args',
      () => ({ clientOptions: ['-o', `ProxyJump=${place(first)},${place(second)}`] }),
    ],
  ])(
    'is reached by a command that is typed, with the keys that pitr uses on the way (%s)',
    async (_, way) => {
      const typed = typedCommand(
        { host: 'behind', user: inner.user, argv: ['id', '-un'] },
        { ...settings, ...way() },
      );
      const { stdout } = await promisify(execFile)('sh', ['-c', typed], { env: onlyPrinted() });
      expect(stdout).toBe(`${inner.user}\n`);
    },
  );

  it('is reached by the command to try by hand that an error names', async () => {
    const target = await resolveTarget({ ...settings, jumps: [place(first), place(second)] });
    const { stdout } = await promisify(execFile)('sh', ['-c', `${sshByHand(target)} id -un`], {
      env: onlyPrinted(),
    });
    expect(stdout).toBe(`${inner.user}\n`);
  });
});
