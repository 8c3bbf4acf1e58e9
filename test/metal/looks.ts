import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import type { Lab } from '../../lab/lab.ts';
import { askingHost, hiddenHost } from '../../lab/metal/host-setup.ts';
import { silent } from '../../lab/progress.ts';
import { labSeed } from '../../lab/seed.ts';
import { doctor } from '../doctor/stage.ts';
import { healthy } from '../support/lab.ts';
import { pitr, runError } from '../support/pitr.ts';

/** `pitr doctor` has nothing to say of hosts that are well; whether something was recovered before is not its concern here. */
export async function isExamined(lab: Lab): Promise<void> {
  await healthy(lab, 180_000);
  await labSeed(lab, silent);
  const { found, exitCode } = await doctor(lab.files.metalInventory);
  const told = found.filter(({ check }) => check !== 'backups.drill');
  expect(told.map(({ severity, check, host, text }) => `${severity} ${check} ${host}: ${text}`)).toEqual([]);
  expect(exitCode).toBeLessThan(2);
}

/** How the lab's own inventory reaches its hosts. */
interface Reach {
  readonly ansible_port?: number;
  readonly ansible_become_password?: string;
  readonly pitr_jump?: string;
}

/**
 * `pitr init` finds out by asking one node what the lab's own inventory says, as far as nobody but a person can know it: the
 * way to each host, and the password for sudo. recover.yml then runs with what it has written.
 */
export async function isFoundOut(lab: Lab): Promise<void> {
  await healthy(lab, 180_000);
  await labSeed(lab, silent);
  const own = parse(await readFile(lab.files.metalInventory, 'utf8'));
  const { barman, patroni }: Record<string, { readonly hosts: Readonly<Record<string, Reach>> }> =
    own.all.children;
  const members = patroni?.hosts ?? {};
  const folder = await mkdtemp(join(tmpdir(), 'pitr-init-'));
  try {
    const password = join(folder, 'password');
    await writeFile(password, members[askingHost]?.ansible_become_password ?? '', { mode: 0o600 });
    const home = join(folder, 'home');
    await mkdir(join(home, '.ssh'), { recursive: true, mode: 0o700 });
    const jump = `Host ${hiddenHost}\n  ProxyJump ${members[hiddenHost]?.pitr_jump}\n`;
    await writeFile(join(home, '.ssh', 'config'), jump, { mode: 0o600 });
    const env = { HOME: home, PITR_BECOME_PASSWORD_FILE: password };
    const where = (host: string, { ansible_port: port }: Reach): string =>
      host === hiddenHost ? `deploy@${host}` : `deploy@127.0.0.1:${port}`;
    const [first = '', ...others] = Object.entries(members).map(([host, reach]) => where(host, reach));
    const names = Object.keys(members).slice(1);
    const file = join(folder, 'found.yml');
    const written = await pitr(
      [
        ...['init', '--from', first, '--barman', where('barman', barman?.hosts.barman ?? {})],
        ...['-o', file, '--yes', '--output', 'json'],
        ...others.flatMap((other, index) => ['--host', `${names[index]}=${other}`]),
        ...['-e', 'ansible_become=true', '-e', `pitr_known_hosts=${join(lab.files.folder, 'known_hosts')}`],
        ...['-e', `ansible_ssh_private_key_file=${join(lab.files.folder, 'id_ed25519')}`],
      ],
      env,
    );
    expect(written.events).toMatchObject([{ type: 'inventory', file, to_fill_in: [] }]);
    const aim = ['-e', `target=${names[0]}`, '-e', 'target_time=latest'];
    const words = ['play', 'recover.yml', '-i', file, ...aim, '--check', '--yes', '--output', 'json'];
    const check = await pitr(words, env);
    expect(runError(check.events)).toBeUndefined();
  } finally {
    await rm(folder, { recursive: true });
  }
}
