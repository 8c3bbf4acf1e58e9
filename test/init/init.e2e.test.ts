import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed, type Seed } from '../../lab/seed.ts';
import { containerName, type DatabaseHost, databaseHosts, dataDirectory } from '../../lab/topology.ts';
import { inIsolation } from '../faults/cluster-state.ts';
import { healthy, inodeOfData, sharedLab } from '../support/lab.ts';
import { pitr } from '../support/pitr.ts';
import { play } from '../support/play.ts';
import { onTerminal } from '../support/terminal.ts';

let lab: Lab;
let target: DatabaseHost;
let seed: Seed;
let folder: string;

beforeAll(async () => {
  lab = await sharedLab();
  await healthy(lab);
  seed = await labSeed(lab, silent);
  const leader = await currentLeader(lab);
  target = databaseHosts.find((host) => host !== leader) ?? 'db2';
  folder = await mkdtemp(join(tmpdir(), 'pitr-init-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

interface Written {
  readonly all: {
    readonly children: {
      readonly patroni: {
        readonly hosts: Readonly<Record<string, { readonly ansible_host?: string } | null>>;
      };
    };
  };
}

/** The ports of the lab's own inventory over SSH. */
async function sshPlaces(): Promise<Readonly<Record<string, string>>> {
  const text = await readFile(lab.files.sshInventory, 'utf8');
  const ports = text.matchAll(
    /^ {8}(\w+):\n(?: {10}#.*\n)*(?: {10}ansible_host: .*\n) {10}ansible_port: (\d+)/gm,
  );
  return Object.fromEntries([...ports].map(([, host = '', port = '']) => [host, `root@127.0.0.1:${port}`]));
}

it('finds a cluster from one container, and writes an inventory with which recover.yml runs unedited', async () => {
  const file = join(folder, 'docker.yml');
  const words = ['init', '--from', `docker:${containerName(lab.prefix, target)}`, '-o', file, '--yes'];
  const written = await pitr(words);
  expect(written.stdout).toMatch(/^The cluster patroni1: db1, db2, db3, db4\. Written: /);
  expect(written.stdout).not.toContain('To fill in');
  expect((await stat(file)).mode & 0o777).toBe(0o600);

  const again = await pitr(words);
  expect([again.exitCode, again.stderr]).toEqual([5, expect.stringContaining('--force')]);

  const checked = await play(file, 'recover.yml', { target, target_time: 'latest' }, '--check');
  expect(checked.error).toBeUndefined();

  // As it was written, it leads there and back.
  const inode = await inodeOfData(lab, target);
  const recovered = await play(file, 'recover.yml', { target, target_time: 'latest' });
  expect(recovered.error).toBeUndefined();
  const rows = await inIsolation(lab, target, 'select count(*) from payments');
  expect(Number(rows)).toBe(seed.rowsNow.payments);
  const back = await play(file, 'rollback.yml', { target });
  expect(back.error).toBeUndefined();
  await healthy(lab);
  expect(await inodeOfData(lab, target)).toBe(inode);
  const kept = [`.recovered.${back.runId}`, `.recovered.${back.runId}.json`, '.pitr-run'];
  await lab.mustExec(target, ['rm', '-rf', ...kept.map((ending) => `${dataDirectory(target)}${ending}`)]);
});

it('finds it over SSH where it is said how the members are reached', async () => {
  const { [target]: from = '', barman = '', etcd: _, ...others } = await sshPlaces();
  const file = join(folder, 'ssh.yml');
  const written = await pitr([
    ...['init', '--from', from, '--barman', barman, '-o', file, '--yes', '--output', 'json'],
    ...Object.entries(others).flatMap(([host, where]) => ['--host', `${host}=${where}`]),
    ...['-e', `ansible_ssh_private_key_file=${join(lab.files.folder, 'id_ed25519')}`],
    ...['-e', `pitr_known_hosts=${join(lab.files.folder, 'known_hosts')}`],
  ]);
  expect(written.events).toMatchObject([{ type: 'inventory', file, cluster: 'patroni1', to_fill_in: [] }]);
  const checked = await play(file, 'recover.yml', { target, target_time: 'latest' }, '--check');
  expect(checked.error).toBeUndefined();
});

it('asks on a terminal for the node to begin with and for members that it does not find; Enter leaves one out', async () => {
  const { [target]: from = '', barman = '', etcd: _, ...others } = await sshPlaces();
  const [asked = '', left = '', given = ''] = Object.keys(others).sort();
  const file = join(folder, 'asked.yml');
  const seen = await onTerminal(
    [
      ...['init', '--barman', barman, '--host', `${given}=${others[given]}`, '-o', file],
      ...['-e', `ansible_ssh_private_key_file=${join(lab.files.folder, 'id_ed25519')}`],
      ...['-e', `pitr_known_hosts=${join(lab.files.folder, 'known_hosts')}`],
    ],
    [
      ['A node of the cluster', 'the first one\n'],
      ['A node of the cluster', `${from}\n`],
      [`How is ${asked} reached`, `${others[asked]}\n`],
      [`How is ${left} reached`, '\n'],
    ],
  );
  expect(seen, seen.screen).toMatchObject({ exitCode: 0, typed: 4 });
  expect(seen.screen).toContain('"the first one" is none of these.');
  expect(seen.screen).toContain('The cluster patroni1: db1, db2, db3, db4. Written: ');
  expect(seen.screen).toContain(`To fill in: ansible_host of ${left} (`);
  const written: Written = parse(await readFile(file, 'utf8'));
  const { [asked]: typed, [left]: nothing } = written.all.children.patroni.hosts;
  const port = Number(others[asked]?.split(':')[1]);
  expect(typed).toMatchObject({ ansible_host: '127.0.0.1', ansible_port: port, ansible_user: 'root' });
  expect(nothing?.ansible_host).toBeUndefined();
});

it('leaves what it cannot learn as lines to fill in, with the reason', async () => {
  const { [target]: from = '' } = await sshPlaces();
  const written = await pitr([
    ...['init', '--from', from, '-o', '-', '--yes'],
    ...['-e', `ansible_ssh_private_key_file=${join(lab.files.folder, 'id_ed25519')}`],
    ...['-e', `pitr_known_hosts=${join(lab.files.folder, 'known_hosts')}`],
  ]);
  expect(written.exitCode).toBe(0);
  expect(written.stdout).toMatch(/ {10}# TO FILL IN \(root@db\d: .*\):\n {10}# ansible_host:/);
  expect(written.stderr).toMatch(/^To fill in: ansible_host of barman \(root@barman: /m);
});
