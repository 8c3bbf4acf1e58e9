import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../lib/base/values/secret.ts';
import {
  parseAddress,
  parseLoginSettings,
  parseTried,
  readLoginSettings,
  type TriedLogin,
} from '../../../../lib/recovery/patroni/logins.ts';
import { loginsUntried, neededUntried } from '../../../../lib/recovery/patroni/prove-logins.ts';
import { guestRules } from '../../../../lib/recovery/postgres/hba.ts';
import { type Role, roleDifference, roleStatements } from '../../../../lib/recovery/postgres/role-like.ts';
import { localPlayground } from '../../../modules/playground.ts';

describe('the rules by which guests get into a closed node', () => {
  const guest = {
    roles: ['replicator'],
    databases: ['postgres'],
    host: { addresses: ['127.0.0.1', '::1', '10.0.0.13', 'fd00::13'], names: ['db3', 'db3.example.com'] },
  };

  it.each([
    [
      'its address alone, of a rule for a network',
      'host all all 10.0.0.0/24 md5',
      ['host pitr_login_proof "replicator" 10.0.0.13/32 md5'],
    ],
    [
      'for replication too',
      'host replication replicator 0.0.0.0/0 scram-sha-256',
      ['host replication "replicator" 10.0.0.13/32 scram-sha-256'],
    ],
    [
      'all its addresses, where everybody may come',
      'host replication all all scram-sha-256',
      [
        'host replication "replicator" 10.0.0.13/32 scram-sha-256',
        'host replication "replicator" fd00::13/128 scram-sha-256',
      ],
    ],
    [
      'by its name',
      'hostssl all all .example.com md5',
      [
        'hostssl pitr_login_proof "replicator" 10.0.0.13/32 md5',
        'hostssl pitr_login_proof "replicator" fd00::13/128 md5',
      ],
    ],
    [
      'to the database that the login names, and never to it itself',
      'host postgres,shop all 10.0.0.13/32 md5\nhost shop all all md5\nhost "/^post",replication all 10.0.0.13/32 md5',
      [
        'host pitr_login_proof "replicator" 10.0.0.13/32 md5',
        'host pitr_login_proof,replication "replicator" 10.0.0.13/32 md5',
      ],
    ],
    [
      'a rejection counts as well',
      'host replication all 10.0.0.13/32 reject',
      ['host replication "replicator" 10.0.0.13/32 reject'],
    ],
    [
      'nothing of the server itself',
      'local all all trust\nhost all all samehost trust\nhost all all 127.0.0.1/32 trust\nhost all all localhost trust',
      [],
    ],
    ['nothing for other roles or addresses', 'host all app all md5\nhost all all 10.0.1.0/24 md5', []],
  ])('%s', (_what, rules, expected) => {
    expect(guestRules(rules, [guest])).toEqual(expected);
  });
});

describe("a node's address for the others", () => {
  it.each([
    ['db2:5431', { host: 'db2', port: 5431 }],
    ['10.0.0.2', { host: '10.0.0.2', port: 5432 }],
    ['[fd00::2]:5433', { host: 'fd00::2', port: 5433 }],
    ['10.0.0.2,127.0.0.1:5431', { host: '10.0.0.2', port: 5431 }],
    ['0.0.0.0:5431', undefined],
    ['*:5431', undefined],
    ['', undefined],
  ])('%s', (text, expected) => {
    expect(parseAddress(text)).toEqual(expected);
  });
});

describe('what a host says of its logins', () => {
  it('is read, and a role that serves two uses counts once', () => {
    const told = { address: 'db2:5431', roles: { replication: 'r', rewind: 'r' }, rules: null };
    expect(parseLoginSettings(JSON.stringify(told))).toEqual({
      address: { host: 'db2', port: 5431 },
      database: 'postgres',
      roles: ['r'],
    });
  });

  it('keeps the reason of a refusal apart from that of a trial that could not be made', () => {
    const told = [
      { use: 'replication', role: 'r', error: 'FATAL: no' },
      { use: 'rewind', role: 'w', untried: 'no driver', needed: true },
      { use: 'conninfo', role: 'b', needed: 'what is this' },
    ];
    expect(parseTried(JSON.stringify(told), 'db3')).toEqual([
      { from: 'db3', use: 'replication', role: 'r', error: 'FATAL: no' },
      { from: 'db3', use: 'rewind', role: 'w', untried: 'no driver', needed: true },
      { from: 'db3', use: 'conninfo', role: 'b' },
    ]);
  });
});

describe('a login that could not be tried', () => {
  const login = { role: 'r', use: 'replication', from: 'db3' } as const;

  it.each<[string, readonly TriedLogin[], number]>([
    ['is refused where the members need it', [{ ...login, untried: 'no password', needed: true }], 1],
    ['is passed over where nobody needs it', [{ ...login, use: 'rewind', untried: 'no password' }], 0],
    ['and one that was let in, without any password too, is none', [{ ...login, needed: true }], 0],
    ['and one that was refused is none', [{ ...login, error: 'FATAL: no', needed: true }], 0],
  ])('%s', (_, tried, count) => {
    expect(neededUntried(tried)).toHaveLength(count);
  });

  it('is named with the place where its password belongs, and the ways on', () => {
    const error = loginsUntried(
      'db2',
      [
        { ...login, untried: 'no password supplied', needed: true },
        { ...login, use: 'rewind', untried: 'no role', needed: true },
      ],
      ({ use, from }) => `${use} from ${from}`,
      ['Then go on: pitr resume r1'],
    );
    expect(error).toMatchObject({
      kind: 'refused',
      code: 'logins-not-proved',
      message: 'it cannot be told whether the recovered node lets in replication from db3; rewind from db3',
    });
    expect(error.next?.[0]).toContain(
      'postgresql.authentication.replication on db3 (or PATRONI_REPLICATION_PASSWORD',
    );
    expect(error.next?.[0]).toContain('postgresql.authentication.rewind on db3 (or PATRONI_REWIND_PASSWORD');
    expect(error.next?.[1]).toBe('Then go on: pitr resume r1');
    expect(error.details?.join('\n')).toContain('no password supplied');
  });
});

/** A Python that can read YAML, as Patroni's own can; elsewhere the lab is where this is seen. */
const READS_YAML = spawnSync('python3', ['-c', 'import yaml']).status === 0;

describe.runIf(READS_YAML)('a Patroni that has its logins from its environment', () => {
  const FILE =
    'scope: main\nname: db1\npostgresql:\n  connect_address: db2:5431\n  authentication:\n    replication: { username: of_the_file }\n';

  /** What its configuration says of roles while such processes run, each a `patroni` of Python's. */
  async function rolesWith(
    ...running: readonly {
      readonly words: readonly string[];
      readonly python?: string;
      readonly env: Readonly<Record<string, string>>;
    }[]
  ): Promise<readonly string[]> {
    await using ground = await localPlayground();
    const { dir, play } = ground;
    const config = join(dir, 'patroni.yml');
    await writeFile(config, FILE);
    await writeFile(join(dir, 'other.yml'), FILE);
    await writeFile(join(dir, 'patroni'), 'import sys, time\nprint("up", flush=True)\ntime.sleep(60)\n');
    // The interpreter itself: what stands for it may be a script that has another command line.
    const python = spawnSync('python3', ['-c', 'import sys; print(sys.executable)'], {
      encoding: 'utf8',
    }).stdout.trim();
    await symlink(python, join(dir, 'platform-python'));
    const children = running.map(({ words, env, python: named }) =>
      spawn(named === undefined ? python : join(dir, named), ['-s', join(dir, 'patroni'), ...words], {
        cwd: dir,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    try {
      await Promise.all(children.map((child) => once(child.stdout, 'data')));
      const told = await readLoginSettings(play.host(), { name: 'here', config, pgdata: dir, user: 'root' });
      return 'untried' in told ? [told.untried] : told.roles;
    } finally {
      await Promise.all(
        children.map(async (child) => {
          child.kill('SIGKILL');
          await once(child, 'close');
        }),
      );
    }
  }

  const env = {
    PATRONI_REPLICATION_USERNAME: 'of_it',
    PATRONI_REWIND_USERNAME: 'rewinder',
    PATRONI_REWIND_PASSWORD: '',
  };

  it.each([
    ['is believed before its file', [{ words: ['patroni.yml'], env }], ['of_it', 'rewinder']],
    ['is not asked where there is no such thing', [{ words: ['patroni.yml'], env: {} }], ['of_the_file']],
    [
      "is found under a distribution's own Python",
      [{ words: ['patroni.yml'], env, python: 'platform-python' }],
      ['of_it', 'rewinder'],
    ],
    ['counts where it is the one without a file', [{ words: [], env }], ['of_it', 'rewinder']],
    [
      'does not count where it has no file and says that it is another one',
      [{ words: [], env: { ...env, PATRONI_SCOPE: 'other', PATRONI_NAME: 'db1' } }],
      ['of_the_file'],
    ],
    [
      'counts where the other one without a file says that it is another',
      [
        { words: [], env: { ...env, PATRONI_SCOPE: 'main' } },
        { words: [], env: { PATRONI_CONFIGURATION: 'scope: other' } },
      ],
      ['of_it', 'rewinder'],
    ],
    [
      'does not count where it is that of another configuration',
      [{ words: ['other.yml'], env }],
      ['of_the_file'],
    ],
    [
      'does not count where two have no file, and it cannot be told which is meant',
      [
        { words: [], env },
        { words: [], env },
      ],
      ['of_the_file'],
    ],
  ])('%s', async (_, running, roles) => {
    expect(await rolesWith(...running)).toEqual(roles);
  });
});

const ROLE: Role = {
  name: 'b"o\'b',
  superuser: false,
  replication: true,
  login: true,
  inherit: true,
  createRole: false,
  createDatabase: false,
  bypassRls: false,
  connectionLimit: -1,
  validUntil: 'infinity',
  verifier: new Secret("SCRAM-SHA-256$4096:it's"),
  memberOf: ['readers', 'writers'],
};

describe('a role as it is today', () => {
  it('is made where it is missing, and given what differs where it is there', () => {
    const options = `WITH NOSUPERUSER REPLICATION LOGIN INHERIT NOCREATEROLE NOCREATEDB NOBYPASSRLS CONNECTION LIMIT -1 VALID UNTIL 'infinity' PASSWORD 'SCRAM-SHA-256$4096:it''s'`;
    expect(roleStatements(undefined, ROLE)).toEqual([
      `CREATE ROLE "b""o'b" ${options}`,
      `GRANT "readers" TO "b""o'b"`,
      `GRANT "writers" TO "b""o'b"`,
    ]);
    expect(roleStatements({ ...ROLE, memberOf: ['readers'] }, ROLE)).toEqual([
      `ALTER ROLE "b""o'b" ${options}`,
      `GRANT "writers" TO "b""o'b"`,
    ]);
  });

  it.each([
    ['is not there', undefined, ROLE, 'the role did not exist at that moment'],
    [
      'has another password',
      { ...ROLE, verifier: new Secret('md5x') },
      ROLE,
      'its password has been set since that moment',
    ],
    ['may not log in', { ...ROLE, login: false }, ROLE, 'the role was not allowed to log in at that moment'],
    ['is the same', ROLE, { ...ROLE }, undefined],
    ['was dropped since', ROLE, undefined, 'the role does not exist any more now'],
  ])('differs in words, and tells no secret: %s', (_what, role, wanted, words) => {
    expect(roleDifference(role, wanted)).toBe(words);
  });
});
