import { describe, expect, it } from 'vitest';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import type { WaitingFiles } from '../../../../lib/recovery/doctor/barman-script.ts';
import type { BarmanFacts, Facts, NodeFacts, Stock } from '../../../../lib/recovery/doctor/facts.ts';
import { examine, type Finding, type Severity } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import type { NodeSql } from '../../../../lib/recovery/doctor/node-sql.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import { instantAt } from '../../../../lib/recovery/wal/instant.ts';
import { parseSegment } from '../../../../lib/recovery/wal/segment.ts';

const SQL: NodeSql = {
  in_recovery: false,
  replay_paused: false,
  receiving: null,
  wal: null,
  version: 150_018,
  system_id: '1',
  settings: { archive_mode: 'off', archive_timeout: '0' },
  pending: [],
  restart: {},
  archived: { last: null, seconds_ago: null, failed: null, failing: false },
  ready: 0,
  slots: [],
  hba_errors: [],
  file_errors: [],
  tablespaces: [],
};

const LEADER: NodeFacts = {
  ...unknownNode('db1', NOT_ASKED, NOT_ASKED),
  place: {
    name: 'db1',
    pgdata: '/data',
    user: 'postgres',
    patroni: { port: 8008, config: '/p.yml', service: 'patroni', manager: 'systemd' },
    barmanServer: 'db1',
    walMethod: 'local',
  },
  cluster: {
    value: {
      source: 'node',
      leader: 'db1',
      members: { db1: { name: 'db1', role: 'leader', state: 'running' } },
    },
  },
  sql: { value: SQL },
};

function server(name: string, streamingArchiver: boolean, active = true): Stock['servers'][number] {
  return {
    name,
    directory: `/b/${name}`,
    idle: active ? [] : [{ kind: 'inactive', line: 'active = false', file: '/etc/barman.conf' }],
    basebackups: '',
    meta: '',
    wals: '',
    incoming: '',
    streaming: '',
    streamingArchiver,
    errors: '',
    xlogDbs: [],
    retention: { minimum: 0 },
    conninfoHosts: [],
    staging: { remote: false, path: '/tmp' },
    backups: [],
  };
}

/** What some checks find; of Barman's host that `told` was seen, and nothing else. */
function found(
  checks: readonly string[],
  told: Partial<BarmanFacts>,
  leader: NodeFacts = LEADER,
): readonly Finding[] {
  const facts: Facts = {
    now: 0,
    nodes: [leader],
    barman: {
      place: { name: 'barman', user: 'barman', lockDirectory: '' },
      reached: NOT_ASKED,
      look: NOT_ASKED,
      stock: NOT_ASKED,
      checks: NOT_ASKED,
      errors: NOT_ASKED,
      access: {},
      lock: NOT_ASKED,
      files: NOT_ASKED,
      logins: NOT_ASKED,
      ...told,
    },
    variableFlaws: [],
    dynamic: NOT_ASKED,
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
  };
  return CHECKS.filter(({ id }) => checks.includes(id)).flatMap((check) => examine(check, facts));
}

function severities(servers: Stock['servers'] | undefined, leader = LEADER): readonly Severity[] {
  const stock: BarmanFacts['stock'] =
    servers === undefined ? NOT_ASKED : { value: { servers, archives: [] } };
  return found(['archiving.on', 'archiving.arrives', 'archiving.timeout'], { stock }, leader).map(
    ({ severity }) => severity,
  );
}

describe('a leader that archives nothing by itself', () => {
  const FLAWS = ['critical', 'warning', 'warning'];
  const nameless = { ...LEADER, place: undefined };

  it.each([
    [
      'is well where its own server receives WAL by streaming',
      [server('db1', true)],
      LEADER,
      ['ok', 'ok', 'ok'],
    ],
    ['is not where only another server does', [server('db1', false), server('old', true)], LEADER, FLAWS],
    ['is not where its server is switched off', [server('db1', true, false)], LEADER, FLAWS],
    ['is not where Barman has no such server', [server('old', true)], LEADER, FLAWS],
    ['is unknown where Barman does not tell', undefined, LEADER, ['unknown', 'unknown', 'unknown']],
    [
      'is unknown where its server is not known',
      [server('old', true)],
      nameless,
      ['unknown', 'unknown', 'unknown'],
    ],
  ])('%s', (_, servers, leader, expected) => {
    expect(severities(servers, leader)).toEqual(expected);
  });
});

describe('what counts as archived', () => {
  const LAST = '000000010000000000000007';
  const PLACE = { name: 'barman', user: 'barman', lockDirectory: '' };

  const archive = (name: string, ...segments: readonly string[]): Stock['archives'][number] => ({
    server: name,
    files: segments.flatMap((one) => {
      const segment = parseSegment(one);
      if (segment === undefined) return [];
      return [{ segment, partial: false, time: instantAt(0n), size: 16 * 1024 * 1024 }];
    }),
    lost: [],
    histories: [],
    damaged: [],
  });
  const of = (name: string, systemId?: string): Stock['servers'][number] => ({
    ...server(name, false),
    ...(systemId === undefined ? {} : { systemId }),
  });
  const leader = (last: string, barmanServer?: string): NodeFacts => ({
    ...LEADER,
    ...(LEADER.place === undefined ? {} : { place: { ...LEADER.place, barmanServer } }),
    sql: { value: { ...SQL, archived: { ...SQL.archived, last } } },
  });
  const told = (stock: Stock, node: NodeFacts, servers?: readonly string[]) =>
    found(['archiving.arrives'], { stock: { value: stock }, place: { ...PLACE, servers } }, node).map(
      ({ severity, text = '' }) => `${severity}: ${text.replace(/:.*/, '')}`,
    );
  const NOWHERE = `critical: ${LAST} counts as archived, and lies in no archive of Barman`;
  const FOREIGN: Stock = {
    servers: [of('main', '1'), of('other', '2')],
    archives: [archive('main'), archive('other', LAST)],
  };

  it('lies in an archive of its own cluster: names of segments are the same in every cluster', () => {
    expect(told(FOREIGN, leader(LAST, 'main'))).toEqual([NOWHERE]);
    expect(told(FOREIGN, leader(LAST))).toEqual([NOWHERE]);
    expect(told(FOREIGN, leader(LAST, 'main'), ['main', 'other'])).toEqual([NOWHERE]);
  });

  it('lies in an archive of the servers that the inventory names', () => {
    const stock = { ...FOREIGN, servers: [of('main', '1'), of('other')] };
    expect(told(stock, leader(LAST, 'main'), ['main'])).toEqual([NOWHERE]);
  });

  it('lies elsewhere than said where another server of the cluster has it', () => {
    const stock = { ...FOREIGN, servers: [of('main', '1'), of('other', '1')] };
    const warning = 'warning: it archives to other, and the inventory says main';
    expect(told(stock, leader(LAST, 'main'))).toEqual([warning]);
    expect(told(stock, leader(LAST))).toEqual(['ok: ']);
  });

  it('may be that of another cluster where the cluster of a server is not known', () => {
    const stock = { ...FOREIGN, servers: [of('main', '1'), of('other')] };
    const unknown = `unknown: cannot tell whether ${LAST} is archived`;
    expect(told(stock, leader(LAST, 'main'))).toEqual([unknown]);
    expect(told(stock, leader(LAST))).toEqual([unknown]);
    expect(told(stock, leader(LAST, 'other'))).toEqual(['ok: ']);
  });

  it('is known by its segment where a backup was noted last', () => {
    const noted = `${LAST}.00000028.backup`;
    expect(told(FOREIGN, leader(noted, 'main'))).toEqual([NOWHERE.replace(LAST, noted)]);
    const stock = { ...FOREIGN, archives: [archive('main', LAST)] };
    expect(told(stock, leader(noted, 'main'))).toEqual(['ok: ']);
  });
});

describe('the servers that the inventory names', () => {
  const PLACE = { name: 'barman', user: 'barman', lockDirectory: '' };
  const told = (servers: readonly string[] | undefined, leader = LEADER) =>
    found(
      ['backups.servers'],
      {
        stock: { value: { servers: [server('db1', false), server('db2', false)], archives: [] } },
        place: { ...PLACE, servers },
      },
      leader,
    ).map(({ severity, text = '', mend = [] }) => `${severity}: ${[text, ...mend].join(' ')}`);

  it('are to be in barman_servers, those of the nodes too: no others are looked at', () => {
    expect(told(['db1', 'db2'])).toEqual(['ok: ']);
    expect(told(undefined)).toEqual(['ok: ']);
    expect(told(['db2'])).toEqual([
      'critical: barman_servers in the inventory does not have db1, the barman_server of db1 Put db1 into barman_servers in the inventory.',
    ]);
  });

  it('are told once where Barman does not know one', () => {
    expect(told(['db2', 'typo'])).toHaveLength(2);
    const leader =
      LEADER.place === undefined ? LEADER : { ...LEADER, place: { ...LEADER.place, barmanServer: 'typo' } };
    expect(told(['db1'], leader)).toEqual([expect.stringContaining('Barman knows no server typo')]);
  });
});

describe('what arrives at Barman', () => {
  const PLACE = { name: 'barman', user: 'barman', lockDirectory: '' };
  const look = (...waiting: readonly WaitingFiles[]): BarmanFacts['look'] => ({
    value: {
      clock: { aheadMs: 0, withinMs: 0, offset: '+0000', zone: 'UTC' },
      missingTools: [],
      spaces: [],
      waiting,
      secrets: [],
      secretsUnseen: [],
    },
  });
  const stock = (...servers: Stock['servers']): BarmanFacts['stock'] => ({
    value: { servers, archives: [] },
  });
  const none = { server: 'db1', place: 'incoming', files: 0 } as const;
  const told = (check: string, facts: Partial<BarmanFacts>) =>
    found([check], facts).map(({ severity, text = '' }) => `${severity}: ${text}`);

  it('is archived where nothing has waited for long', () => {
    const facts = { stock: stock(server('db1', false)), look: look(none) };
    expect(told('archiving.incoming', facts)).toEqual(['ok: ']);
  });

  it('waits for nobody where its server is switched off', () => {
    const facts = { stock: stock(server('db1', false, false)), look: look({ ...none, files: 1 }) };
    expect(told('archiving.incoming', facts)).toEqual(['ok: ']);
  });

  it('is not where it waits in either place', () => {
    const facts = {
      stock: stock(server('db1', true)),
      look: look({ ...none, files: 2 }, { ...none, place: 'streaming', files: 1 }),
    };
    const end = 'of server db1: barman cron does not run, or fails';
    expect(told('archiving.incoming', facts)).toEqual([
      `critical: 2 files have waited for more than ten minutes in the incoming directory ${end}`,
      `critical: 1 files have waited for more than ten minutes in the streaming directory ${end}`,
    ]);
  });

  it.each<readonly [string, Partial<BarmanFacts>]>([
    ['Barman does not tell its servers', { look: look() }],
    ['it has none', { look: look(), stock: stock() }],
    [
      'it does not know the one that the inventory names',
      {
        look: look(),
        stock: stock(server('db1', false)),
        place: { ...PLACE, servers: ['typo'] },
      },
    ],
    [
      'nobody has looked where one of them takes it in',
      {
        look: look(none),
        stock: stock(server('db1', false), server('db2', false)),
      },
    ],
    [
      'its place cannot be looked into',
      {
        look: look({ server: 'db1', place: 'incoming' }),
        stock: stock(server('db1', false)),
      },
    ],
    [
      'nobody has looked where it receives by streaming',
      { look: look(none), stock: stock(server('db1', true)) },
    ],
  ])('is not known to be archived where %s', (_, facts) => {
    expect(found(['archiving.incoming'], facts)).toMatchObject([{ severity: 'unknown' }]);
  });

  it.each<readonly [string, Partial<BarmanFacts>]>([
    ['Barman does not tell its servers', { look: look() }],
    ['it has none', { look: look(), stock: stock() }],
    ['nobody has looked at one of them', { look: look(), stock: stock(server('db1', false)) }],
  ])('has no room that is known where %s', (_, facts) => {
    expect(found(['space.barman'], facts)).toMatchObject([{ severity: 'unknown' }]);
  });

  it('is not known to be received where Barman does not know the server of the leader', () => {
    const facts = { stock: stock(server('other', false)) };
    expect(told('archiving.streaming', facts)).toEqual([
      'unknown: cannot tell: Barman knows no server db1, the one of db1',
    ]);
    expect(told('archiving.active', facts)).toEqual(told('archiving.streaming', facts));
    expect(told('archiving.own', facts)).toEqual(told('archiving.streaming', facts));
  });

  it('is looked for at the server of the leader, also where barman_servers does not name that', () => {
    const facts = { stock: stock(server('db1', true)), place: { ...PLACE, servers: ['other'] } };
    expect(found(['archiving.streaming'], facts)).toMatchObject([{ severity: 'unknown' }]);
  });

  // As Barman's JSON calls them.
  it.each(['replication_slot', 'receive_wal_running', 'postgresql_streaming'])(
    'is not received where Barman says that %s fails',
    (name) => {
      const checks = { value: new Map([['db1', [{ name, ok: false, hint: '' }]]]) };
      const facts = { stock: stock(server('db1', true)), checks };
      expect(told('archiving.streaming', facts)).toEqual([
        `critical: server db1 is to receive WAL by streaming, and "${name}" fails`,
      ]);
    },
  );
});
