import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseReport } from '../../../../lib/contract/script-report.ts';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import { BARMAN_SECRETS } from '../../../../lib/recovery/doctor/barman-script.ts';
import type { Facts, NodeFacts } from '../../../../lib/recovery/doctor/facts.ts';
import { examine } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import { NODE_SECRETS } from '../../../../lib/recovery/doctor/node-script.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import { type SecretFiles, secretFiles } from '../../../../lib/recovery/doctor/secret-files.ts';
import { PRESENCE } from '../../../../lib/system/fs/presence.ts';

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pitr-secret-files-'));
  await chmod(directory, 0o755);
});

afterAll(() => rm(directory, { recursive: true }));

async function file(name: string, mode: number, text = ''): Promise<void> {
  const path = join(directory, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, text);
  await chmod(path, mode);
}

/** What is seen of secrets, as names below the directory with their modes, and of what nothing is. */
function seen(script: string, ...args: readonly string[]): readonly string[] {
  const text = `${PRESENCE}${script}; echo @end`;
  const { stdout } = spawnSync('sh', ['-c', text, 'sh', ...args.map((name) => join(directory, name))], {
    encoding: 'utf8',
    env: { ...process.env, HOME: join(directory, 'home') },
  });
  const { secrets, secretsUnseen } = secretFiles(parseReport(stdout));
  const below = (path: string): string => path.slice(directory.length + 1);
  return [
    ...secrets.map(({ path, mode }) => `${below(path)} ${mode.toString(8)}`),
    ...secretsUnseen.map((path) => `${below(path)} unseen`),
  ];
}

describe('files of a node that hold secrets', () => {
  const ofNode = (config: string) => seen(`${NODE_SECRETS}\nnode_secrets "$1" "$2"`, config, 'home');

  beforeAll(async () => {
    await file('one.yml', 0o644);
    await file('conf.d/a.yml', 0o644);
    await file('conf.d/b.yml', 0o600);
    await file('conf.d/c.yaml', 0o640);
    await file('conf.d/readme', 0o644);
    await file('closed/a.yml', 0o644);
    await file('closed/conf.d/a.yml', 0o644);
    await symlink('closed/a.yml', join(directory, 'way-in.yml'));
    await chmod(join(directory, 'conf.d'), 0o755);
    await chmod(join(directory, 'closed'), 0o750);
    await file('home/.pgpass', 0o600);
  });

  it("are Patroni's configuration and the passwords of PostgreSQL's user", () => {
    expect(ofNode('one.yml')).toEqual(['one.yml 644', 'home/.pgpass 600']);
  });

  it('are all that Patroni merges where that is a directory', () => {
    expect(ofNode('conf.d')).toEqual([
      'conf.d/a.yml 644',
      'conf.d/b.yml 600',
      'conf.d/c.yaml 640',
      'home/.pgpass 600',
    ]);
  });

  it('are none in a directory that others may not enter', () => {
    expect(ofNode('closed')).toEqual(['home/.pgpass 600']);
    expect(ofNode('closed/a.yml')).toEqual(['home/.pgpass 600']);
    expect(ofNode('closed/conf.d')).toEqual(['home/.pgpass 600']);
    expect(ofNode('way-in.yml')).toEqual(['home/.pgpass 600']);
  });

  it('are not seen where the configuration is not there', () => {
    expect(ofNode('nowhere.yml')).toEqual(['home/.pgpass 600', 'nowhere.yml unseen']);
  });
});

it("files of Barman's host that hold secrets are those of its configuration with a password", async () => {
  const include = join(directory, 'barman.d');
  await file(
    'home/.barman.conf',
    0o644,
    `[barman]\nbarman_home = /nowhere\nconfiguration_files_directory = ${include}\n`,
  );
  await file('barman.d/key.conf', 0o644, '[key]\nconninfo = host=db1 password=x\n');
  await file('barman.d/url.conf', 0o640, '[url]\nstreaming_conninfo = postgres://barman:x@db1/postgres\n');
  await file(
    'barman.d/none.conf',
    0o644,
    '[none]\n; password = x\nconninfo = postgres://barman@db1:5432/postgres\n',
  );
  expect(seen(`${BARMAN_SECRETS}\nbarman_secrets`)).toEqual([
    'home/.pgpass 600',
    'barman.d/key.conf 644',
    'barman.d/url.conf 640',
  ]);
});

describe('secrets.hosts', () => {
  const found = (files: SecretFiles) => {
    const node: NodeFacts = {
      ...unknownNode('db1', NOT_ASKED, NOT_ASKED),
      place: {
        name: 'db1',
        pgdata: '/data',
        user: 'postgres',
        patroni: { port: 8008, config: '/p.yml', service: 'patroni', manager: 'systemd' },
        walMethod: 'local',
      },
      host: {
        value: {
          clock: { aheadMs: 0, withinMs: 0, offset: '+0000', zone: 'UTC' },
          missingTools: [],
          space: { device: '/dev/x', mount: '/', sizeBytes: 1, freeBytes: 1 },
          ...files,
        },
      },
    };
    const facts: Facts = {
      now: 0,
      nodes: [node],
      variableFlaws: [],
      dynamic: NOT_ASKED,
      controller: { secrets: [], drills: NOT_ASKED },
      inventoryOptions: '',
    };
    return CHECKS.filter(({ id }) => id === 'secrets.hosts')
      .flatMap((check) => examine(check, facts))
      .filter(({ host }) => host === 'db1');
  };

  it('closes a file so that who works with it can still read it', () => {
    const open = { path: '/p.yml', owner: 'root', mode: 0o644 };
    expect(found({ secrets: [open], secretsUnseen: [] })).toMatchObject([
      {
        severity: 'warning',
        mend: ['pitr exec db1 -- chown postgres: /p.yml', "pitr exec db1 -- chmod 'o=' /p.yml"],
      },
    ]);
    expect(found({ secrets: [{ ...open, owner: 'postgres' }], secretsUnseen: [] })).toMatchObject([
      { mend: ["pitr exec db1 -- chmod 'o=' /p.yml"] },
    ]);
  });

  it('is unknown of a file that could not be looked at', () => {
    expect(found({ secrets: [], secretsUnseen: ['/p.yml'] })).toMatchObject([{ severity: 'unknown' }]);
  });
});
