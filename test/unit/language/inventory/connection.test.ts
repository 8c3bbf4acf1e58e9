import { homedir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { Secret } from '../../../../lib/base/values/secret.ts';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import { connectionSettings } from '../../../../lib/language/inventory/connection.ts';
import { loadInventory } from '../../../../lib/language/inventory/load.ts';
import { directoryOf } from './files.ts';

async function settings(vars: string, extra: Readonly<Record<string, unknown>> = {}, name = 'db1') {
  await using directory = await directoryOf({ 'inv/hosts.yml': `all: {hosts: {${name}: {${vars}}}}` });
  const host = (await loadInventory([directory.file('inv/hosts.yml')])).hosts.get(name);
  if (host === undefined) throw new Error('no host');
  const rendered = Object.fromEntries([...host.vars].map(([key, { value }]) => [key, value]));
  return { directory: directory.path, settings: connectionSettings(host, { ...rendered, ...extra }) };
}

async function failure(vars: string, extra: Readonly<Record<string, unknown>> = {}): Promise<PitrError> {
  try {
    await settings(vars, extra);
  } catch (error) {
    if (error instanceof PitrError) return error;
    throw error;
  }
  throw new Error('accepted');
}

it('without any variable a host is reached by ssh under its own name', async () => {
  expect((await settings('')).settings).toEqual({
    kind: 'ssh',
    address: 'db1',
    port: undefined,
    user: undefined,
    identityFiles: [],
    passphrase: undefined,
    password: undefined,
    knownHostsFiles: [],
    hostKeyChecking: 'strict',
    jumps: undefined,
    clientOptions: undefined,
    connectTimeoutMs: undefined,
    become: undefined,
  });
});

it('Ansible names mean what they mean there; paths are relative to the inventory file', async () => {
  const { directory, settings: found } = await settings(
    'ansible_host: 127.0.0.1, ansible_port: 2201, ansible_user: deploy, ansible_ssh_private_key_file: keys/id, pitr_known_hosts: [known, /etc/known], pitr_host_key_checking: accept-new, ansible_timeout: 5, ansible_become_method: sudo, ansible_become_password: geheim, ansible_become: yes, ansible_python_interpreter: /usr/bin/python3',
  );
  expect(found).toMatchObject({
    kind: 'ssh',
    address: '127.0.0.1',
    port: 2201,
    user: 'deploy',
    identityFiles: [join(directory, 'inv/keys/id')],
    knownHostsFiles: [join(directory, 'inv/known'), '/etc/known'],
    hostKeyChecking: 'accept-new',
    connectTimeoutMs: 5000,
    become: { method: 'sudo', user: 'root' },
  });
  expect(found.become?.password?.reveal()).toBe('geheim');
});

it('docker and local', async () => {
  expect(
    (await settings('ansible_connection: docker, ansible_host: lab-db1, ansible_user: postgres')).settings,
  ).toEqual({
    kind: 'docker',
    container: 'lab-db1',
    user: 'postgres',
    become: undefined,
  });
  expect((await settings('ansible_connection: community.docker.docker')).settings).toMatchObject({
    container: 'db1',
  });
  expect(
    (await settings('ansible_connection: docker, ansible_host: x, pitr_container: y')).settings,
  ).toMatchObject({ container: 'y' });
  expect((await settings('ansible_connection: local')).settings).toEqual({
    kind: 'local',
    become: undefined,
  });
  expect((await settings('', {}, 'localhost')).settings.kind).toBe('local');
  expect((await settings('ansible_host: 10.0.0.1', {}, 'localhost')).settings.kind).toBe('ssh');
});

it('localhost with an address or a port is what is reached there: a tunnel leads to another machine', async () => {
  for (const vars of ['ansible_port: 2222', 'ansible_ssh_port: 2222', 'ansible_ssh_host: 10.0.0.1'])
    expect((await settings(vars, {}, 'localhost')).settings.kind).toBe('ssh');
  expect((await settings('', { ansible_port: '2222' }, 'localhost')).settings.kind).toBe('ssh');
  expect((await settings('ansible_port: 22, ansible_connection: local', {}, 'localhost')).settings.kind).toBe(
    'local',
  );
});

it('two names that say where a host is, or who logs in, are refused where they differ', async () => {
  for (const [one, other] of [
    ['ansible_host', 'ansible_ssh_host'],
    ['ansible_port', 'ansible_ssh_port'],
    ['ansible_user', 'ansible_ssh_user'],
  ] as const) {
    const error = await failure(`${one}: '11', ${other}: '12'`);
    expect(error.message).toBe(`"${one}" and "${other}" say different things, and mean the same`);
    await settings(`${one}: '11', ${other}: 11`);
  }
});

it('from the command line numbers may be text, paths are relative to the working directory', async () => {
  const extra = {
    ansible_port: '2222',
    ansible_ssh_private_key_file: '~/.ssh/k',
    ansible_password: new Secret('geheim'),
  };
  const { settings: found } = await settings('', extra);
  expect(found).toMatchObject({ port: 2222, identityFiles: [join(homedir(), '.ssh/k')] });
  expect(found.kind === 'ssh' && found.password?.reveal()).toBe('geheim');
  expect((await settings('', { ansible_ssh_private_key_file: 'k' })).settings).toMatchObject({
    identityFiles: [join(process.cwd(), 'k')],
  });
});

it('jump hosts and the options of the OpenSSH client say how a host is reached', async () => {
  expect((await settings('pitr_jump: "deploy@gate:2222, inner"')).settings).toMatchObject({
    jumps: ['deploy@gate:2222', 'inner'],
  });
  expect((await settings('pitr_jump: [gate]')).settings).toMatchObject({ jumps: ['gate'] });
  expect((await settings('pitr_jump: none')).settings).toMatchObject({ jumps: [] });
  const args = "-C -o ControlMaster=auto -o ControlPersist=60s -o 'ProxyJump me@gate' -oHostKeyAlias=x";
  const { settings: found } = await settings(
    `ansible_ssh_common_args: "${args}", ansible_ssh_extra_args: "-o StrictHostKeyChecking=no -p 2200 -o ConnectTimeout=1m"`,
  );
  expect(found).toMatchObject({
    clientOptions: [
      '-o',
      'ProxyJump=me@gate',
      '-o',
      'HostKeyAlias=x',
      '-p',
      '2200',
      '-o',
      'ConnectTimeout=1m',
    ],
    hostKeyChecking: 'accept-new',
  });
});

it('the OpenSSH client follows all of its options where it reaches the host itself, and takes no password', async () => {
  const args =
    '-4AC -o GSSAPIAuthentication=yes -o CertificateFile=x -m hmac-sha2-256 -o StrictHostKeyChecking=no';
  const openssh = `ansible_connection: openssh, ansible_ssh_common_args: "${args}"`;
  expect((await settings(openssh)).settings).toMatchObject({
    kind: 'ssh',
    client: 'openssh',
    clientOptions: [
      ...['-o', 'AddressFamily=inet', '-o', 'ForwardAgent=yes', '-o', 'Compression=yes'],
      ...['-o', 'GSSAPIAuthentication=yes', '-o', 'CertificateFile=x', '-m', 'hmac-sha2-256'],
    ],
    hostKeyChecking: 'accept-new',
  });
  for (const password of ['ansible_password', 'ansible_ssh_private_key_passphrase'])
    expect((await failure(`ansible_connection: openssh, ${password}: x`)).message).toBe(
      `"${password}" cannot be used: the ssh client takes no password from a program`,
    );
});

it('a ProxyCommand comes as one word, whatever it holds', async () => {
  const { settings: found } = await settings(
    `ansible_ssh_common_args: "-o ProxyCommand='ssh -W %h:%p -q \\"my gate\\"'"`,
  );
  expect(found).toMatchObject({ clientOptions: ['-o', 'ProxyCommand=ssh -W %h:%p -q "my gate"'] });
});

it('a password is a secret from here on', async () => {
  const { settings: found } = await settings('ansible_ssh_pass: geheim22, ansible_become_pass: 12345');
  expect(JSON.stringify(found)).not.toMatch(/geheim22|12345/);
});

describe('what is wrong is refused with its place', () => {
  it.each([
    ['ansible_port: ssh', '"ansible_port" must be a whole number from 1 to 65535, not "ssh"'],
    ['ansible_port: 0', '"ansible_port" must be a whole number from 1 to 65535, not 0'],
    ['ansible_host: [a]', '"ansible_host" must be a text, not a list'],
    ['ansible_connection: sssh', '"ansible_connection" cannot be "sssh" (did you mean "ssh"?)'],
    ['ansible_connection: winrm', '"ansible_connection" cannot be "winrm"'],
    ['ansible_become_method: pbrun', '"ansible_become_method" cannot be "pbrun"'],
    [
      'ansible_become_method: doas, ansible_become_password: x',
      '"ansible_become_password" cannot be used: doas takes no password from a program',
    ],
    [
      'ansible_become_pass: "geheim22\\n"',
      '"ansible_become_pass" must be one line, and none of it may be a line break',
    ],
    ['pitr_host_key_checking: never', '"pitr_host_key_checking" cannot be "never"'],
    ['ansible_prot: 22', 'unknown connection variable "ansible_prot" (did you mean "ansible_port"?)'],
    ['ansible_ssh_common_args: "-W %h:%p"', '"ansible_ssh_common_args": pitr cannot follow "-W"'],
    [
      'ansible_ssh_extra_args: "-o LocalCommand=x"',
      '"ansible_ssh_extra_args": pitr cannot follow "-o LocalCommand=x"',
    ],
    ['ansible_ssh_args: "-J \'x"', '"ansible_ssh_args": its quotes are not closed'],
    ['pitr_jump: [-x]', '"pitr_jump" must be hosts, as [user@]host[:port], not a list'],
    ['ansible_password: [x]', '"ansible_password" must be a text'],
    ['pitr_known_hosts: [1]', '"pitr_known_hosts" must be a path, not 1'],
  ])('%s', async (vars, message) => {
    const error = await failure(vars);
    expect(error.message).toBe(message);
    expect(error).toMatchObject({ kind: 'validation', host: 'db1', at: { line: 1 } });
    expect(error.at?.column).toBeGreaterThan(20);
  });

  it('a value that is not known yet', async () => {
    expect((await failure('', { ansible_port: new Unknown('result of "x"') })).message).toBe(
      '"ansible_port" is not known before the run: result of "x"',
    );
  });
});

it('Ansible\'s "do not check host keys" still refuses a changed key', async () => {
  expect((await settings('ansible_host_key_checking: false')).settings).toMatchObject({
    hostKeyChecking: 'accept-new',
  });
});

it('the model inventories of the product can be read, and every host of them reached', async () => {
  const inventory = await loadInventory(['inventory/bare-metal.yml']);
  for (const host of inventory.hosts.values()) {
    const rendered = Object.fromEntries([...host.vars].map(([key, { value }]) => [key, value]));
    expect(connectionSettings(host, rendered)).toMatchObject({ kind: 'ssh', become: { method: 'sudo' } });
  }
});
