import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { currentLeader } from '../../lab/cluster.ts';
import type { Lab } from '../../lab/lab.ts';
import { askingHost, hiddenHost } from '../../lab/metal/host-setup.ts';
import { storedVariants } from '../../lab/metal/variants.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { doctor } from '../doctor/stage.ts';
import { healthy, inodeOfData } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';
import { expectAsBefore, expectIsolated, sceneOn } from './steps.ts';

/** `pitr doctor` has nothing to say of hosts that are well; whether something was recovered before is not its concern here. */
export async function isExamined(lab: Lab): Promise<void> {
  await healthy(lab, 180_000);
  await labSeed(lab, silent);
  const { found, exitCode } = await doctor(lab.files.metalInventory);
  // What a kind of hosts has on purpose is to be told: zones that differ, Debian's own way to make a replica, data that
  // cannot be renamed.
  const variants = storedVariants(lab.files.metalVariants);
  const there = {
    'clocks.zones': variants?.zones === 'mixed',
    'cluster.replica-methods': variants?.layout === 'debian',
    'layout.mount-point': variants?.mount === 'data',
  };
  for (const [id, is] of Object.entries(there))
    expect([id, found.some(({ check }) => check === id)]).toEqual([id, is]);
  const told = found.filter(({ check }) => check !== 'backups.drill' && !Object.hasOwn(there, check));
  expect(told.map(({ severity, check, host, text }) => `${severity} ${check} ${host}: ${text}`)).toEqual([]);
  expect([0, 1, 2]).toContain(exitCode);
  expect(exitCode === 2).toBe(there['layout.mount-point']);
}

/** How the lab's own inventory reaches its hosts. */
interface Reach {
  readonly ansible_port?: number;
  readonly ansible_become_password?: string;
  readonly pitr_jump?: string;
}

/** What `pitr init` has written, and what it leaves to the environment. */
interface Found {
  readonly file: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * `pitr init` finds out by asking one node what the lab's own inventory says, as far as nobody but a person can know it: the
 * way into the network, and the password for sudo.
 */
async function findOut(lab: Lab, use: (found: Found) => Promise<void>): Promise<void> {
  const own = parse(await readFile(lab.files.metalInventory, 'utf8'));
  const { patroni, barman }: Record<string, { readonly hosts: Readonly<Record<string, Reach>> }> =
    own.all.children;
  const hosts = patroni?.hosts ?? {};
  const [first = ''] = Object.keys(hosts);
  const folder = await mkdtemp(join(tmpdir(), 'pitr-init-'));
  try {
    const password = join(folder, 'password');
    await writeFile(password, hosts[askingHost]?.ansible_become_password ?? '', { mode: 0o600 });
    const env = { PITR_BECOME_PASSWORD_FILE: password };
    // As the jump host calls them.
    const known = join(folder, 'known_hosts');
    const keys = await readFile(join(lab.files.folder, 'known_hosts'), 'utf8');
    let named = keys;
    for (const [host, { ansible_port: port }] of Object.entries({ ...hosts, ...barman?.hosts }))
      if (port !== undefined) named = named.replaceAll(`[127.0.0.1]:${port} `, `${host} `);
    await writeFile(known, keys + named);
    const file = join(folder, 'found.yml');
    const written = await pitr(
      [
        ...['init', '--from', `deploy@${first}`, '--barman', 'deploy@barman', '-o', file, '--yes'],
        ...['--output', 'json', '-e', `pitr_jump=${hosts[hiddenHost]?.pitr_jump}`],
        ...['-e', 'ansible_become=true', '-e', `pitr_known_hosts=${known}`],
        ...['-e', `ansible_ssh_private_key_file=${join(lab.files.folder, 'id_ed25519')}`],
      ],
      env,
    );
    expect(written.events).toMatchObject([{ type: 'inventory', file, to_fill_in: [] }]);
    await use({ file, env });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What a playbook says with that inventory, as it is. */
async function withFound(
  { file, env }: Found,
  playbook: string,
  vars: readonly string[],
  ...more: readonly string[]
): Promise<void> {
  const words = ['play', playbook, '-i', file, ...vars.flatMap((word) => ['-e', word]), ...more];
  const result = await pitr([...words, '--yes', '--output', 'json'], env);
  expect(runError(result.events)).toBeUndefined();
  expect(result.exitCode).toBe(0);
}

/** recover.yml would run with what `pitr init` has written. */
export async function isFoundOut(lab: Lab): Promise<void> {
  await healthy(lab, 180_000);
  await labSeed(lab, silent);
  const leader = await currentLeader(lab);
  const target = lab.shape.members.find((host) => host !== leader);
  await findOut(lab, (found) =>
    withFound(found, 'recover.yml', [`target=${target}`, 'target_time=latest'], '--check'),
  );
}

/** It does run, up to a look at the data, and so does the way back. */
export async function isRecoveredAsFound(lab: Lab): Promise<void> {
  const scene = await sceneOn(lab);
  const { target, accident } = scene;
  const before = await inodeOfData(lab, target);
  await findOut(lab, async (found) => {
    await withFound(found, 'recover.yml', [`target=${target}`, `target_time=${accident.before}`]);
    await expectIsolated(lab, scene);
    const count = ['-At', '-d', 'shop', '-c', 'select count(*) from payments'];
    const peek = await pitr(['peek', target, '-i', found.file, ...count], found.env);
    expect([peek.stdout.trim(), peek.exitCode]).toEqual([String(accident.tables.payments.rowsThen), 0]);
    await withFound(found, 'rollback.yml', [`target=${target}`]);
  });
  await expectAsBefore(lab, scene, before);
}
