import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newDirectory } from '../engine/support.ts';
import { type OwnContainer, ownContainer, sweepContainers } from '../modules/own-container.ts';
import { type StartedSshd, startSshd } from '../support/sshd.ts';
import { filesBelow, leaksIn, pitrIn, plantCanaries, type Site } from './canaries.ts';

const execute = promisify(execFile);
const ON_CONTAINER = '/srv/canaries';

let container: OwnContainer;
let sshd: StartedSshd;

beforeAll(async () => {
  await sweepContainers();
  [container, sshd] = await Promise.all([ownContainer(), startSshd()]);
});

afterAll(async () => {
  await sshd.stop();
  await container[Symbol.asyncDispose]();
});

async function inContainer(...argv: string[]): Promise<string> {
  const { stdout } = await execute('docker', ['exec', container.name, ...argv], { maxBuffer: 1 << 28 });
  return stdout;
}

async function played(site: Site): Promise<void> {
  const ran = await pitrIn(
    site,
    'play',
    join(site.directory, 'play.yml'),
    ...site.words,
    '--yes',
    '-vv',
    '--diff',
  );
  expect(ran.code, ran.written.slice(-2000)).toBe(0);
  expect(leaksIn(ran.written, site.canaries)).toEqual([]);
  for (const [path, text] of await filesBelow(join(site.directory, 'state'), []))
    expect(leaksIn(text, site.canaries), path).toEqual([]);
}

describe('a secret on a host', () => {
  it('is on no command line and in no file that was not to hold it: a container', async () => {
    const site = await plantCanaries(
      await newDirectory(),
      `      ansible_connection: docker\n      ansible_host: ${container.name}\n`,
      ON_CONTAINER,
    );
    await inContainer('mkdir', '-p', ON_CONTAINER);
    await execute('docker', ['cp', join(site.directory, 'wanted'), `${container.name}:${ON_CONTAINER}`]);
    await played(site);
    const lists = await inContainer('sh', '-c', `cat ${ON_CONTAINER}/ps-*`);
    expect(lists).toContain('ps -eww -o args');
    expect(leaksIn(lists, site.canaries)).toEqual([]);
    const search = `grep -rlaF -e ${site.canaries.map(({ mark }) => mark).join(' -e ')} --exclude-dir=proc --exclude-dir=sys / 2>/dev/null`;
    const holding = (await inContainer('sh', '-c', `${search}; true`)).trimEnd().split('\n');
    expect(holding.filter((path) => !path.startsWith(`${ON_CONTAINER}/wanted/`))).toEqual([]);
    expect(holding.length).toBeGreaterThan(site.canaries.length);
  });

  it('is on no command line and in no file that was not to hold it: ssh', async () => {
    const site = await plantCanaries(
      await newDirectory(),
      [
        'ansible_host: 127.0.0.1',
        `ansible_port: ${sshd.port}`,
        `ansible_user: ${sshd.user}`,
        `ansible_ssh_private_key_file: ${sshd.identityFile}`,
        `pitr_known_hosts: ${sshd.knownHostsFile}`,
      ]
        .map((line) => `      ${line}\n`)
        .join(''),
    );
    await played(site);
    const lists = [...(await filesBelow(site.directory, []))].filter(([path]) => /\/ps-\d+$/.test(path));
    expect(lists).toHaveLength(site.canaries.length);
    for (const [path, text] of lists) expect(leaksIn(text, site.canaries), path).toEqual([]);
  });
});
