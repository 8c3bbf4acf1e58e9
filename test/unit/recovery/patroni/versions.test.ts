import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { module as reinit } from '../../../../lib/modules/patroni/reinit.ts';
import {
  isUp,
  leads,
  parseClusterAnswer,
  parseMemberList,
  parseRole,
} from '../../../../lib/recovery/patroni/cluster.ts';
import { parseNode } from '../../../../lib/recovery/patroni/node.ts';
import { synchronousStandbys } from '../../../../lib/recovery/patroni/synchronous.ts';
import { PATRONI_DIFFERENCES, patroniAbilities } from '../../../../lib/recovery/patroni/version.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../../../fixtures/patroni/${name}`, import.meta.url), 'utf8');

const MIB = 1024 * 1024;

describe("replayed from Debian's Patroni", () => {
  it.each([
    ['2.0.2', 'running', 2 * MIB],
    ['3.0.2', 'running', 2 * MIB],
    ['4.0.7', 'streaming', 2 * MIB],
    // What it has received counts there: it is all, and 2 MiB of it are not replayed yet.
    ['4.1.5', 'streaming', 0],
  ])(
    '%s: GET /cluster has one leader, a replica that is up, and one that is not',
    (version, state, lagBytes) => {
      const view = parseClusterAnswer(fixture(`${version}/cluster.json`));
      expect(view).toMatchObject({
        leader: 'db1',
        timeline: 2,
        paused: true,
        members: {
          db1: { role: 'leader', apiUrl: 'http://db1:8001' },
          db2: { role: 'replica', state, timeline: 2, lagBytes },
          db3: { role: 'replica', state: 'stopped', timeline: 1 },
        },
      });
      expect(Object.values(view.members).map((member) => isUp(member.state))).toEqual([true, true, false]);
      expect(view.members.db3).not.toHaveProperty('lagBytes');
    },
  );

  it.each([
    ['2.0.2', 'running'],
    ['3.0.2', 'running'],
    ['4.0.7', 'streaming'],
    ['4.1.5', 'streaming'],
  ])('%s: patronictl list tells the same, with the lag of what is replayed', (version, state) => {
    const view = parseMemberList(fixture(`${version}/list.json`));
    expect(view).toMatchObject({
      cluster: 'patroni1',
      leader: 'db1',
      timeline: 2,
      members: {
        db1: { role: 'leader', host: 'db1', port: 5431 },
        db2: { role: 'replica', state, lagBytes: 2 * MIB },
        db3: { role: 'replica', state: 'stopped' },
      },
    });
    expect(view.members.db3).not.toHaveProperty('lagBytes');
    expect(view.paused).toBeUndefined();
  });
});

describe('GET /patroni of a leader', () => {
  it.each([
    ['replayed from Patroni 2.1, by its manual', 'master', '2.1.7'],
    ['replayed from Patroni 3.3, by its manual', 'master', '3.3.6'],
    ['replayed from Patroni 4.0, by its manual', 'primary', '4.0.7'],
    ['replayed from Patroni 4.1, by its manual', 'primary', '4.1.5'],
  ])('%s: %s leads', (_, role, version) => {
    const node = parseNode(
      JSON.stringify({
        state: 'running',
        postmaster_start_time: '2026-11-22 15:06:46.401281+00:00',
        role,
        server_version: 150020,
        xlog: { location: 184_549_472 },
        timeline: 2,
        replication: [
          { usename: 'replicator', application_name: 'db2', client_addr: '10.0.0.12', state: 'streaming' },
        ],
        dcs_last_seen: 1_795_364_000,
        database_system_identifier: '7711025476061405298',
        // Of a pending restart 3.3 began to tell the reason, and 4.0 the name of the node.
        ...(version >= '3.3'
          ? { pending_restart: true, pending_restart_reason: { max_connections: {} } }
          : {}),
        patroni: { version, scope: 'patroni1', ...(version >= '4' ? { name: 'db1' } : {}) },
      }),
    );
    expect(leads(node.role)).toBe(true);
    expect(node).toMatchObject({ version, timeline: 2, pendingRestart: version >= '3.3' });
    expect(patroniAbilities(node.version).reinitFromLeader).toBe(version === '4.1.5');
  });

  it.each([undefined, '', 'unknown'])(
    'of a version that is not told (%j) has what all versions have',
    (said) => {
      expect(patroniAbilities(said)).toEqual({ reinitFromLeader: false });
    },
  );
});

it.each([
  ['replayed from Patroni 3.0, by its manual', 'Sync Standby', 'sync_standby', 'running'],
  ['replayed from Patroni 3.3, by its manual', 'Sync Standby', 'sync_standby', 'streaming'],
  ['replayed from Patroni 4.0, by its manual', 'Quorum Standby', 'quorum_standby', 'in archive recovery'],
])('a standby that may take over, %s: %s', (_, word, role, state) => {
  expect(parseRole(word)).toBe(role);
  const view = parseMemberList(JSON.stringify([{ Member: 'db2', Role: word, State: state, TL: 1 }]));
  expect(synchronousStandbys(view)).toEqual(['db2']);
});

it('each line of the table says from or until when, and who says so', () => {
  for (const [name, { since, until, source }] of Object.entries(PATRONI_DIFFERENCES)) {
    expect(since ?? until, name).toBeGreaterThan(20_100);
    expect(source, name).toMatch(/release notes|the code of/);
  }
});

describe('patroni.reinit', () => {
  const wish = reinit.params.parse({ member: 'db2', pgdata: '/data', cluster: 'patroni1', force: true });
  const state = (version: string | undefined, methods: readonly string[]) => ({
    host: 'db2',
    member: 'db2',
    cluster: { ...parseClusterAnswer(fixture('4.1.5/cluster.json')), source: 'node' as const },
    methods,
    flaws: [],
    facts: {
      name: 'db2',
      own: { ...parseNode('{"state":"running"}'), ...(version === undefined ? {} : { version }) },
    },
    bin: '/bin',
  });

  it.each([
    ['3.0.2', undefined],
    ['4.0.7', undefined],
    ['4.1.5', true],
    [undefined, undefined],
  ])('copies the leader itself where its Patroni can: %s', (version, fromLeader) => {
    expect(reinit.plan(state(version, ['basebackup']), wish)?.fromLeader).toBe(fromLeader);
  });

  it('by other methods is refused up to 4.0, and where no version is told; 4.1 passes over them', () => {
    for (const version of ['3.0.2', '4.0.7', undefined])
      expect(() => reinit.plan(state(version, ['barman']), wish)).toThrow('create_replica_methods');
    expect(reinit.plan(state('4.1.5', ['barman', 'basebackup']), wish)?.fromLeader).toBe(true);
  });
});
