import { describe, expect, it } from 'vitest';
import { Secret } from '../../../../lib/base/values/secret.ts';
import { parseAddress, parseLoginSettings, parseTried } from '../../../../lib/recovery/patroni/logins.ts';
import { guestRules } from '../../../../lib/recovery/postgres/hba.ts';
import { type Role, roleDifference, roleStatements } from '../../../../lib/recovery/postgres/role-like.ts';

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
      { use: 'rewind', role: 'w', untried: 'no driver' },
      { use: 'conninfo', role: 'b' },
    ];
    expect(parseTried(JSON.stringify(told), 'db3')).toEqual([
      { from: 'db3', use: 'replication', role: 'r', error: 'FATAL: no' },
      { from: 'db3', use: 'rewind', role: 'w', untried: 'no driver' },
      { from: 'db3', use: 'conninfo', role: 'b' },
    ]);
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
