import { EventEmitter } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { runCommandLine } from '../../cli/run.ts';

const INVENTORY = ['-i', 'inventory/lab-docker.yml'];

/** The command line in this process, without a terminal; no host can be meant by what is wrong here. */
async function pitr(...words: string[]): Promise<{ readonly code: number; readonly said: string }> {
  let said = '';
  const write = (text: string): boolean => {
    said += text;
    return true;
  };
  const code = await runCommandLine(words, {
    stdout: { write },
    stderr: { write },
    stdin: new PassThrough(),
    env: { NO_COLOR: '1' },
    cwd: process.cwd(),
    signals: new EventEmitter(),
    leaveNow: () => {},
  });
  return { code, said };
}

describe('what pitr recover does not begin with', () => {
  it.each([
    [['recover'], 'there is no terminal'],
    [['recover', '20260123T120000'], 'needs <target-time>'],
    [['recover', '--target', 'db2'], 'needs <backup-id>'],
    [['recover', '--for', 'db2', '--prepare-on', 'db2'], 'needs <backup-id>: with --for --prepare-on'],
    [['recover', 'a', 'latest', 'db2'], 'too much: "db2"'],
    [['recover', 'a', 'latest', '--dryrun'], 'did you mean "--dry-run"'],
    [['recover', 'a', 'latest', '--target'], '--target needs a value'],
    [['recover', 'a', 'latest', '--target', '--restore'], 'the next word is the option --restore'],
    [
      ['recover', 'a', 'latest', '--wal-method', 'rsync'],
      '--wal-method is one of barman-wal-restore, barman-get-wal',
    ],
    [['recover', 'a', 'latest', '--target', 'db2', '--auto-start'], '--auto-start needs --restore'],
    [['recover', 'a', 'latest', '--target', 'db2', '--for', 'db3'], '--for has no meaning with --target'],
    [['recover', 'a', 'latest', '--limit', 'all:!db3'], '--limit has no meaning without --target'],
    // the wizard takes it
    [['recover', '-l', 'all:!db3'], 'there is no terminal'],
    [['recover', 'a', 'latest', '--check', '--dry-run'], 'exclude each other'],
    [
      ['recover', 'a', 'latest', '--target', 'db2', '--dry-run', '-e', 'target=db3'],
      '-e says target=db3, and the recovery that was asked for has target=db2',
    ],
    [
      ['recover', 'a', 'latest', '--target', 'db2', '--restore', '--dry-run', '-e', 'auto_start=true'],
      '-e says auto_start=true, and the recovery that was asked for has auto_start=false',
    ],
    [
      ['recover', 'a', '2026-01-23 12:30:00+00', '--target', 'db2', '--dry-run', '-e', 'target_xid=731'],
      '-e says target_xid=731, and the recovery that was asked for has target_time=2026-01-23 12:30:00+00',
    ],
    [
      ['recover', 'a', 'latest', '--for', 'db2', '--dry-run', '-e', 'prepare_for=db3'],
      '-e says prepare_for=db3, and the recovery that was asked for has prepare_for=db2',
    ],
    [
      ['recover', 'a', 'latest', '--for', 'db2', '--dry-run', '-e', 'prepare_on=db2'],
      '-e says prepare_on=db2, and the recovery that was asked for has prepare_on=barman',
    ],
    [['peek', 'db2', '--to', 'latest', '-At'], 'takes no words for psql'],
  ])('%j', async (words, said) => {
    const result = await pitr(...words, ...INVENTORY);
    expect(result, result.said).toMatchObject({ code: 64 });
    expect(result.said.replace(/\s+/g, ' ')).toContain(said);
  });

  it('a time without a zone is refused by the name under which it was typed', async () => {
    const words = ['play', 'recover.yml', '-e', 'target=db2', '-e', 'target_time=2026-01-23 12:30:00'];
    const result = await pitr(...words, '--dry-run', ...INVENTORY);
    expect(result.said).toContain('Error: -e target_time does not say in which time zone');
    expect(result.code).toBe(3);
  });

  it('a time without a zone is refused before any host is contacted', async () => {
    const result = await pitr(
      'recover',
      'a',
      '2026-01-23 12:30:00',
      '--target',
      'db2',
      '--dry-run',
      ...INVENTORY,
    );
    expect(result.said).toContain('does not say in which time zone');
    expect(result.code).toBe(3);
  });
});

it('pitr recover leaves out the hosts that --limit leaves out, as a take-over without a dead member needs it', async () => {
  const words = ['recover', 'auto', 'latest', '--target', 'db2', '--restore', '--auto-start', '--dry-run'];
  const asked = (...limit: string[]) => pitr(...words, ...limit, '--output', 'json', ...INVENTORY);
  const hosts = ({ code, said }: Awaited<ReturnType<typeof pitr>>) => ({
    code,
    hosts: [...new Set([...said.matchAll(/"host":"(\w+)"/g)].map(([, host]) => host))].toSorted(),
  });
  expect(hosts(await asked())).toEqual({ code: 0, hosts: ['db1', 'db2', 'db3', 'db4'] });
  expect(hosts(await asked('--limit', 'all:!db3'))).toEqual({ code: 0, hosts: ['db1', 'db2', 'db4'] });
});

describe('pitr recover --dry-run without --target contacts no host', () => {
  // Nothing listens there: a look would fail.
  const UNREACHED = `all:
  vars: { ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1, barman_host: barman, barman_user: barman,
    barman_ssh: barman@barman, barman_servers: [db1], patroni_cluster: main }
  children:
    barman: { hosts: { barman: {} } }
    patroni:
      vars: { pgdata: /srv/data, pg_user: postgres, pg_bin: /usr/bin, pg_port: 5432, barman_server: db1, restore_ssh: ssh }
      hosts: { db1: {}, db2: {} }
`;

  async function dryRun(...words: string[]) {
    const directory = await mkdtemp(join(tmpdir(), 'pitr-dry-'));
    const inventory = join(directory, 'inventory.yml');
    await writeFile(inventory, UNREACHED);
    try {
      const { code, said } = await pitr('recover', ...words, '--dry-run', '-i', inventory);
      return { code, said: said.replaceAll(inventory, 'inventory.yml').replace(/\s+/g, ' ') };
    } finally {
      await rm(directory, { recursive: true });
    }
  }

  it('and plans for the node that was named', async () => {
    const { code, said } = await dryRun('20260123T120000', 'latest', '--for', 'db2');
    expect(said).toContain('Barman is not asked where it has room for the files');
    expect(said).toContain('DRY RUN');
    expect(code, said).toBe(0);
  });

  it('and asks for the node where none was named', async () => {
    const { code, said } = await dryRun('20260123T120000', 'latest');
    expect(said).toContain('--dry-run contacts no host, so nobody can be asked which node leads');
    expect(said).toContain("pitr recover 20260123T120000 latest --for '<node>' -i inventory.yml --dry-run");
    expect(said).toContain(
      "pitr recover 20260123T120000 latest --target '<node>' -i inventory.yml --dry-run",
    );
    expect(said).toContain('pitr recover 20260123T120000 latest -i inventory.yml --check');
    expect(code).toBe(64);
  });

  it('and asks for all of it where a person would be asked', async () => {
    const { code, said } = await dryRun();
    expect(said).toContain('--dry-run contacts no host');
    expect(said).toContain('pitr recover <backup-id> <target-time> --target <node> --dry-run');
    expect(code).toBe(64);
  });
});
