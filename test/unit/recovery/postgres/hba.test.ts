import { BlockList, isIP } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseLogin, parseOwnHost } from '../../../../lib/recovery/patroni/login.ts';
import { closedRules, isClosed, type OwnHost } from '../../../../lib/recovery/postgres/hba.ts';

const OWN: OwnHost = {
  addresses: ['127.0.0.1', '::1', '10.0.0.11', 'fd00::11'],
  names: ['db2', 'db2.example.com'],
};

function closed(text: string, roles: readonly string[] = ['postgres']): readonly string[] {
  return closedRules(text, roles, OWN).split('\n').slice(1, -1);
}

describe('the rules of a closed instance', () => {
  it('are those that decide about the given roles on this very host, in their order', () => {
    const rules = `# TYPE DATABASE USER ADDRESS METHOD
local all all trust # everybody here
local replication all peer
host all all 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1 255.255.255.255 md5
hostssl all app, postgres ::1/128 cert map="the map"
host all app localhost md5
host all "all" samehost reject
host replication replicator all scram-sha-256
host all all all \\
  scram-sha-256
host all all 192.168.0.0/16 trust
`;
    expect(closed(rules)).toEqual([
      'local all "postgres" trust',
      'host all "postgres" 127.0.0.1/32 scram-sha-256',
      'host all "postgres" 127.0.0.1/32 md5',
      'hostssl all "postgres" ::1/128 cert map="the map"',
      'host all "postgres" samehost scram-sha-256',
    ]);
  });

  it.each([
    [
      "Patroni's superuser has another name",
      'local all all peer\nhost all boss 127.0.0.1/32 md5',
      ['postgres', 'boss'],
      ['local all "postgres","boss" peer', 'host all "boss" 127.0.0.1/32 md5'],
    ],
    [
      "Patroni connects by the node's own address",
      'host all all 10.0.0.0/24 scram-sha-256',
      ['postgres'],
      ['host all "postgres" 10.0.0.11/32 scram-sha-256', 'local all "postgres" peer'],
    ],
    [
      'localhost gets in by a rule for the whole world alone',
      'local all postgres peer\nhost all all 0.0.0.0/0 md5\nhost all all ::/0 md5',
      ['postgres'],
      [
        'local all "postgres" peer',
        'host all "postgres" 127.0.0.1/32 md5',
        'host all "postgres" 10.0.0.11/32 md5',
        'host all "postgres" ::1/128 md5',
        'host all "postgres" fd00::11/128 md5',
      ],
    ],
    [
      'the host is meant by its name, or its domain',
      'host all all db2 md5\nhost all all .example.com scram-sha-256\nhost all all db3 trust',
      ['postgres'],
      [
        'host all "postgres" samehost md5',
        'host all "postgres" samehost scram-sha-256',
        'local all "postgres" peer',
      ],
    ],
    [
      'a rejection stands before what it is an exception from',
      'host all +fired samehost reject\nhost all postgres 10.0.0.8 255.255.255.248 reject\nhost all +dba all md5',
      ['postgres'],
      [
        'host all +fired samehost reject',
        'host all "postgres" 10.0.0.11/32 reject',
        'host all "postgres" samehost md5',
        'local all "postgres" peer',
      ],
    ],
    [
      'a name holds what ends a word',
      'local all "bo""ss" md5\nhost all /^bo trust',
      ['bo"ss'],
      ['local all "bo""ss" md5'],
    ],
  ])('let in whom the rules of the cluster let in, where %s', (_case, rules, roles, expected) => {
    expect(closed(rules, roles)).toEqual(expected);
  });

  it('always let the administrator in by the socket', () => {
    expect(closed('host all all all md5').at(-1)).toBe('local all "postgres" peer');
    expect(closed('local all postgres md5')).toEqual(['local all "postgres" md5']);
  });

  it('are known again, and change nothing when closed twice', () => {
    const once = closedRules('local all all trust\nhost all all 0.0.0.0/0 md5', ['postgres'], OWN);
    expect(isClosed(once)).toBe(true);
    expect(isClosed('local all all trust')).toBe(false);
    expect(closedRules(once, ['postgres'], OWN)).toBe(once);
  });

  it('never let a rule for another address through, whatever the file holds', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const line of closed(text)) expect(onlyOwn(line)).toBe(true);
      }),
    );
  });
});

/** What a rule says, as PostgreSQL's manual has it; written apart from what it tests. */
interface Rule {
  readonly type: string;
  readonly users: readonly string[];
  readonly address: string;
  readonly method: string;
}

const anyAddress = fc.oneof(
  fc.constantFrom('all', 'samehost', 'samenet', '0.0.0.0/0', '::/0', '127.0.0.0/8', '10.0.0.11/32'),
  fc
    .tuple(fc.constantFrom('10.0.0.11', '127.0.0.1', '10.9.9.9', '192.168.1.1'), fc.nat(32))
    .map(([ip, prefix]) => `${ip}/${prefix}`),
  fc.tuple(fc.constantFrom('::1', 'fd00::11', 'fd99::1'), fc.nat(128)).map(([ip, n]) => `${ip}/${n}`),
);

const anyRule: fc.Arbitrary<Rule> = fc.record({
  type: fc.constantFrom('local', 'host', 'host', 'hostssl', 'hostnossl'),
  users: fc.uniqueArray(fc.constantFrom('all', 'postgres', 'boss', 'app'), { minLength: 1 }),
  address: anyAddress,
  method: fc.constantFrom('trust', 'md5', 'scram-sha-256', 'reject'),
});

function line({ type, users, address, method }: Rule): string {
  return `${type} all ${users.join(',')} ${type === 'local' ? '' : `${address} `}${method}`;
}

function parsed(text: string): Rule {
  const [type = '', , users = '', ...rest] = text.split(' ');
  const [address = '', method = ''] = type === 'local' ? ['', ...rest] : rest;
  return { type, users: users.replaceAll('"', '').split(','), address, method };
}

function covers(address: string, from: string): boolean {
  if (address === 'all') return true;
  if (address === 'samehost' || address === 'samenet') return OWN.addresses.includes(from);
  const [ip = '', prefix] = address.split('/');
  if (isIP(ip) !== isIP(from)) return false;
  const net = new BlockList();
  const family = isIP(ip) === 4 ? 'ipv4' : 'ipv6';
  net.addSubnet(ip, Number(prefix), family);
  return net.check(from, family);
}

/** The method of the first rule that fits; of `local` where no address is given. */
function decides(rules: readonly Rule[], kind: string, role: string, from?: string): string | undefined {
  return rules.find(
    ({ type, users, address }) =>
      (from === undefined ? type === 'local' : (type === 'host' || type === kind) && covers(address, from)) &&
      (users.includes('all') || users.includes(role)),
  )?.method;
}

function onlyOwn(text: string): boolean {
  const [type, , , address = ''] = text.split(' ');
  if (type === 'local' || address === 'samehost' || address === 'localhost') return true;
  return OWN.addresses.some((one) => address.startsWith(`${one}/`)) || address.startsWith('127.');
}

describe('for any rules of a cluster', () => {
  const cases = fc.array(anyRule, { maxLength: 8 });

  it('what lets a role in from this host decides in the closed file as well, by the same method', () => {
    fc.assert(
      fc.property(cases, (rules) => {
        const after = closed(rules.map(line).join('\n'), ['postgres', 'boss']).map(parsed);
        for (const role of ['postgres', 'boss']) {
          for (const from of OWN.addresses) {
            for (const kind of ['hostssl', 'hostnossl']) {
              expect(decides(after, kind, role, from)).toBe(decides(rules, kind, role, from));
            }
          }
          const bySocket = decides(rules, 'local', role);
          if (bySocket !== undefined) expect(decides(after, 'local', role)).toBe(bySocket);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('nobody else is let in: no other role, no other address', () => {
    fc.assert(
      fc.property(cases, (rules) => {
        const after = closed(rules.map(line).join('\n'), ['postgres', 'boss']).map(parsed);
        for (const { users, type, address } of after) {
          expect(users.every((role) => role === 'postgres' || role === 'boss')).toBe(true);
          for (const from of ['10.0.0.12', '10.9.9.9', '192.168.1.1', 'fd00::12', 'fd99::1']) {
            expect(type !== 'local' && covers(address, from)).toBe(false);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

it('the addresses of a host are found in what either tool says', () => {
  const printed =
    '10.0.0.11 fd00::11 \n1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet6 fe80::1/64 scope link\n@names\ndb2\ndb2.example.com\n';
  expect(parseOwnHost(printed)).toEqual({
    addresses: ['127.0.0.1', '::1', '10.0.0.11', 'fd00::11', 'fe80::1'],
    names: ['db2', 'db2.example.com'],
  });
});

it('a login that could not be tried is not taken for one that failed', () => {
  expect(parseLogin('{"without":"no driver"}')).toEqual({ untried: 'no driver' });
  expect(parseLogin('{"user":"","at":"localhost:5432","error":"no entry"}')).toEqual({
    at: 'localhost:5432',
    error: 'no entry',
  });
});
