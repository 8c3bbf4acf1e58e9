import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { readSite } from '../../../../cli/recover/nodes.ts';
import { Masker } from '../../../../lib/base/values/masker.ts';
import { errorOf } from '../../../support/errors.ts';

async function siteOf(inventory: string, extraVars: Readonly<Record<string, unknown>> = {}) {
  const directory = await mkdtemp(join(tmpdir(), 'pitr-site-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const path = join(directory, 'inventory.yml');
  await writeFile(path, inventory);
  return readSite({
    inventories: [path],
    extraVars,
    forks: 2,
    masker: new Masker(),
    askPassphrase: undefined,
  });
}

const inventory = (db2: string): string => `all:
  vars: { ansible_connection: local, barman_host: backup1, pgdata: /srv/data, pg_bin: /usr/bin }
  children:
    barman: { hosts: { backup1: {} } }
    patroni: { hosts: { db1: {}, db2: ${db2} } }
`;

describe('the nodes of the inventory', () => {
  it("are those of the cluster: Barman's host is none, also where it has the variables of one", async () => {
    const { nodes, barman } = await siteOf(inventory('{}'));
    expect(nodes.map(({ name }) => name)).toEqual(['db1', 'db2']);
    expect(barman.name).toBe('backup1');
  });

  it('have Barman among them where it runs on a node', async () => {
    const { nodes, barman } = await siteOf(inventory('{}').replace('backup1, ', 'db1, '));
    expect(nodes.map(({ name }) => name)).toEqual(['db1', 'db2']);
    expect(barman.name).toBe('db1');
  });

  it('say how WAL is fetched where the inventory does, and -e over it', async () => {
    const db2 = async (extraVars: Readonly<Record<string, unknown>>) =>
      (await siteOf(inventory('{ wal_method: local }'), extraVars)).nodes.map((one) => one.wal_method);
    expect(await db2({})).toEqual([undefined, 'local']);
    expect(await db2({ wal_method: 'barman-get-wal' })).toEqual(['barman-get-wal', 'barman-get-wal']);
  });

  it.each([
    ['{ pg_port: none }', 'pg_port is wrong'],
    ['{ service_manager: openrc }', 'service_manager is wrong'],
    ['{ pgdata: null }', 'pgdata is wrong'],
  ])('are never fewer than that: %s', async (db2, told) => {
    const error = await errorOf(siteOf(inventory(db2)));
    expect(error).toMatchObject({ kind: 'validation', code: 'node-not-described', host: 'db2' });
    expect(error.details.join('\n')).toContain(told);
  });

  it.each(['pgdata: /srv/data, ', ', pg_bin: /usr/bin'])('are not described without %s', async (missing) => {
    const error = await errorOf(siteOf(inventory('{}').replace(missing, '')));
    expect(error).toMatchObject({ kind: 'validation', code: 'node-not-described' });
    expect(error.details[0]).toMatch(/^(pgdata|pg_bin) is missing$/);
  });
});
