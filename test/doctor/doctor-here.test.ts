import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Finding } from '../../lib/recovery/doctor/finding.ts';
import { type Ended, runHere } from '../support/run-here.ts';

/** Hosts on which there is no Patroni, no PostgreSQL and no Barman: this machine. */
const NODE =
  'ansible_connection: local, pgdata: /nowhere/data, patroni_config: /nowhere/p.yml, patroni_port: 1';

const SITE = `
all:
  hosts:
    etcd1: { ansible_connection: local }
  children:
    patroni:
      hosts:
        db1: { ${NODE} }
        db2: { ${NODE} }
`;

const BARMAN = `
    barman:
      hosts:
        backup1: { ansible_connection: local }
`;

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'pitr-doctor-here-'));
});

afterAll(async () => {
  await rm(dir, { recursive: true, force: true });
});

async function doctor(inventory: string, ...words: readonly string[]): Promise<Ended> {
  const path = join(dir, 'inventory.yml');
  await writeFile(path, inventory, { mode: 0o600 });
  return runHere(dir, 'doctor', '-i', path, ...words);
}

async function found(inventory: string, ...words: readonly string[]): Promise<readonly Finding[]> {
  const { stdout } = await doctor(inventory, ...words, '--output', 'json');
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .filter(({ type }) => type === 'finding');
}

describe('where pitr doctor looks for Barman', () => {
  const hostsOf = async (inventory: string) =>
    (await found(inventory, '--only', 'inventory.barman,inventory.variables,tools.barman')).map(
      ({ check, host, text = '' }) => `${check} ${host ?? ''}: ${text}`,
    );

  it('is the only host of the group barman, and that recover.yml is not told of it is a finding', async () => {
    const told = await hostsOf(SITE + BARMAN);
    expect(told).toContain('inventory.barman : ');
    expect(told).toContainEqual(expect.stringMatching(/^tools.barman backup1: .*barman/));
    expect(told).toContainEqual(expect.stringMatching(/^inventory.variables db1: barman_host is missing/));
  });

  it('is not known where the group has several', async () => {
    const told = await hostsOf(`${SITE + BARMAN}        backup2: { ansible_connection: local }\n`);
    expect(told).toContainEqual(expect.stringMatching(/^inventory.barman : .*does not say which host/));
    expect(told).toContain('tools.barman : cannot tell: it is not known where Barman is');
  });

  it('is not a host that the inventory does not have', async () => {
    const told = await hostsOf(SITE.replace('all:', 'all:\n  vars: { barman_host: gone }'));
    expect(told).toContain('inventory.variables db1: barman_host is wrong: the inventory has no host gone');
    expect(told).toContainEqual(expect.stringMatching(/^inventory.barman : .*does not say which host/));
  });
});

it('pitr doctor examines nothing where the inventory has no node', async () => {
  const none =
    'all: { hosts: { etcd1: { ansible_connection: local } }, children: { patroni: { hosts: {} } } }\n';
  const ended = await doctor(none, '--only', 'tools.node');
  expect(ended.stdout).toMatch(/^PITR UNKNOWN - nothing was examined: .*which hosts are the nodes/);
});

describe('pitr doctor --host', () => {
  it('tells what nobody could tell, of whatever host that was to be', async () => {
    const ended = await doctor(SITE, '--only', 'archiving.on,backups.present', '--host', 'db1');
    expect(ended.stdout).toMatch(/^PITR UNKNOWN - 2 unknown; 2 checks/);
    expect(ended.stdout).toContain('nobody leads who could be asked');
    expect(ended.stdout).toContain('it is not known where Barman is');
    expect(ended.code).toBe(3);
  });

  it('leaves out what is found on other hosts', async () => {
    const hosts = (await found(SITE, '--only', 'cluster.replay', '--host', 'db2')).map(({ host }) => host);
    expect(hosts).toEqual(['db2']);
  });

  it('refuses a host that no check looks at', async () => {
    const ended = await doctor(SITE, '--only', 'archiving.on', '--host', 'etcd1');
    expect(ended.stdout).toMatch(/^PITR UNKNOWN - nothing was examined: .*etcd1/);
    expect(ended.stderr + ended.stdout).toContain('db1, db2');
    expect(ended.code).toBe(3);
  });

  it('takes a pattern of which one host is examined', async () => {
    const ended = await doctor(SITE + BARMAN, '--only', 'cluster.replay', '--host', 'etcd1,db2');
    expect(ended.stdout).toMatch(/^PITR UNKNOWN - 1 unknown; 1 check of 3 hosts/);
  });
});
