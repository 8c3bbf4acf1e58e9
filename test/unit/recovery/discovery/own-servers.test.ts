import { describe, expect, it } from 'vitest';
import { ownServers, serverFor, serverToTry } from '../../../../lib/recovery/discovery/own-servers.ts';

const server = (name: string, host: string, port: number, systemId?: string) => ({
  name,
  conninfoHosts: [host],
  conninfoPorts: [port],
  ...(systemId === undefined ? {} : { systemId }),
});

const MEMBERS = [
  { name: 'db1', address: '10.0.0.1', node: { port: 5432, archive: { server: 'main' } } },
  { name: 'db2', address: '10.0.0.2' },
];

/** Which of these servers are those of cluster 1, by their names. */
function own(...servers: readonly ReturnType<typeof server>[]) {
  const { all: found } = ownServers(servers, MEMBERS, '1');
  return 'missing' in found ? found.missing : found.value.map(({ name }) => name);
}

const MAIN = server('main', '10.0.0.1', 5432, '1');

describe("Barman's servers of a cluster", () => {
  it('are those that a member names, or that lead to one', () => {
    expect(own(MAIN, server('db2', '10.0.0.2', 5432), server('far', '10.9.9.9', 5432))).toEqual([
      'main',
      'db2',
    ]);
  });

  it('are none of another cluster on the same hosts', () => {
    expect(own(MAIN, server('other', '10.0.0.1', 5433, '2'))).toEqual(['main']);
  });

  it('are what the system id says, also through another port', () => {
    expect(own(MAIN, server('pooled', '10.0.0.1', 6432, '1'))).toEqual(['main', 'pooled']);
  });

  it.each([
    ['one whose conninfo leads to no name of a member', [MAIN, server('old', 'pg-vip', 5432, '1')]],
    ['the only one', [server('old', 'pg-vip', 5432, '1')]],
  ])('are left open where %s has the system id, which a copy of the cluster has, too', (_, servers) => {
    expect(own(...servers)).toMatch(/whether old is, .*pg-vip.* system id .* a copy .*, is not known$/);
  });

  it('are certain by the system id where an archive_command names them', () => {
    expect(own(server('main', 'pg-vip', 5432, '1'))).toEqual(['main']);
  });

  it('are left open where the cluster of one is not known, and its port is another', () => {
    expect(own(MAIN, server('other', '10.0.0.1', 5433))).toMatch(
      /^main are of this cluster; whether other is, .* is not known$/,
    );
  });

  it('are left open where a member archives to one of another cluster', () => {
    expect(own(server('main', '10.0.0.1', 5432, '2'))).toContain('main holds another cluster (system id 2)');
  });

  it('are none where nothing leads to a member', () => {
    expect(own(server('far', '10.9.9.9', 5432))).toMatch(
      /^no server of Barman is named by an archive_command/,
    );
  });
});

describe('the server of a member that names none', () => {
  const DB2 = server('db2', '10.0.0.2', 5432, '1');
  const of = (...servers: readonly ReturnType<typeof server>[]) =>
    serverFor({ name: 'db2', address: '10.0.0.2' }, ownServers(servers, MEMBERS, '1'));

  it('is the one that connects to it, also where another server is in doubt', () => {
    expect(of(MAIN, DB2)).toEqual({ value: 'db2' });
    expect(of(MAIN, DB2, server('other', '10.0.0.1', 5433))).toEqual({ value: 'db2' });
  });

  it('is left open with the reason that is true', () => {
    expect(of(MAIN)).toEqual({ missing: expect.stringContaining('neither its archive_command nor') });
    expect(of(MAIN, server('other', '10.0.0.2', 5433))).toEqual({
      missing: expect.stringContaining('whether other is'),
    });
    expect(of(MAIN, DB2, { ...DB2, name: 'again' })).toEqual({
      missing: expect.stringContaining('several servers of Barman connect to it: db2, again'),
    });
  });
});

it('the way to Barman is tried by a server that is not switched off, and first by one that a node names', () => {
  const off = { name: 'a-old', idle: [{ kind: 'inactive' as const, line: 'active = false', file: '' }] };
  const on = { name: 'main', idle: [] };
  expect(serverToTry([], [off, on])).toBe('main');
  expect(serverToTry(['named'], [off, on])).toBe('named');
  expect(serverToTry([], [off])).toBe('a-old');
  expect(serverToTry([], [])).toBeUndefined();
});
