import { describe, expect, it } from 'vitest';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import type { Member } from '../../../../lib/recovery/patroni/cluster.ts';
import { planMember } from '../../../../lib/recovery/patroni/member-plan.ts';
import type { NodeView } from '../../../../lib/recovery/patroni/node.ts';
import {
  looksHealthy,
  type StreamingFacts,
  streamingFlaws,
  streamingVerdict,
} from '../../../../lib/recovery/patroni/streaming.ts';
import type { InstanceState } from '../../../../lib/recovery/postgres/instance.ts';

const member = (name: string, role: Member['role']): Member => ({
  name,
  role,
  state: 'running',
  timeline: 2,
  lagBytes: 0,
});
const node = (more: Partial<NodeView>): NodeView => ({
  state: 'running',
  role: 'replica',
  systemId: '77',
  timeline: 2,
  replication: [],
  pendingRestart: false,
  paused: false,
  unlocked: false,
  ...more,
});

const { timeline: _unknown, ...withoutTimeline } = node({});

const STREAMS: StreamingFacts = {
  name: 'db1',
  listed: member('db1', 'replica'),
  leader: member('db2', 'leader'),
  own: node({}),
  leaderNode: node({ role: 'leader', replication: [{ application: 'db1', state: 'streaming' }] }),
  receiver: { status: 'streaming', timeline: 2 },
};

const BEHIND: Partial<StreamingFacts> = { own: node({ replayed: 0x1000 }), goal: 0x2000 };

const flawsOf = (facts: StreamingFacts) => streamingFlaws(facts).map(({ words }) => words);

describe('a member is proved to stream', () => {
  it('by leader, member and receiver together', () => {
    expect(flawsOf(STREAMS)).toEqual([]);
  });

  const cascade = (senders: Readonly<Record<string, string>>): ReadonlyMap<string, NodeView> =>
    new Map(
      Object.entries(senders).map(([name, application]) => [
        name,
        node({ replication: [{ application, state: 'streaming' }] }),
      ]),
    );

  it('by a member that sends the WAL of the leader on, over several of them', () => {
    const leaderNode = node({ role: 'leader', replication: [{ application: 'db3', state: 'streaming' }] });
    const others = cascade({ db3: 'db4', db4: 'db1' });
    expect(flawsOf({ ...STREAMS, leaderNode, others })).toEqual([]);
  });

  const byArchive = { leaderNode: node({ role: 'leader' }), fromArchive: ['db1'], receiver: null };

  it('by its timeline where it is told to get its WAL from the archive, however far that has it', () => {
    expect(flawsOf({ ...STREAMS, ...byArchive })).toEqual([]);
    expect(flawsOf({ ...STREAMS, ...byArchive, ...BEHIND, replayWaits: 'RecoveryWalStream' })).toEqual([]);
    expect(flawsOf({ ...STREAMS, ...byArchive, fromArchive: ['db3'] }).join()).toMatch(
      /no other member does/,
    );
  });

  it('by a member that sends on what the archive has', () => {
    const sent = { others: cascade({ db3: 'db1' }), fromArchive: ['db3'] };
    const facts = { ...STREAMS, leaderNode: node({ role: 'leader' }), ...sent, ...BEHIND };
    expect(flawsOf(facts)).toEqual([]);
    expect(flawsOf({ ...facts, receiver: null })).toEqual(['it receives no WAL']);
  });

  it('by its receiver where Patroni knows no timeline', () => {
    expect(flawsOf({ ...STREAMS, own: withoutTimeline })).toEqual([]);
  });

  it('once it has replayed what the leader had written, unless it is delayed on purpose', () => {
    const facts = { ...STREAMS, own: node({ replayed: 0x1000 }), goal: 0x2000 };
    expect(flawsOf(facts)).toEqual(['it has replayed up to 0/1000, and the leader was at 0/2000']);
    expect(flawsOf({ ...facts, delayed: true })).toEqual([]);
    expect(flawsOf({ ...facts, own: node({ replayed: 0x2000 }) })).toEqual([]);
  });

  it.each<readonly [string, Partial<StreamingFacts>, RegExp]>([
    [
      'by a member that is sent nothing itself',
      { leaderNode: node({ role: 'leader' }), others: cascade({ db3: 'db1' }) },
      /db3, from which it streams, receives none of db2/,
    ],
    [
      'by members that send to each other',
      { leaderNode: node({ role: 'leader' }), others: cascade({ db3: 'db1', db1: 'db3' }) },
      /send WAL to each other, and db2 to none of them/,
    ],
    [
      'by the standby leader of another cluster',
      {
        leaderNode: node({
          role: 'standby_leader',
          replication: [{ application: 'db1', state: 'streaming' }],
        }),
      },
      /says that it is a standby_leader/,
    ],
    [
      'where nobody knows its timeline',
      {
        own: withoutTimeline,
        receiver: { status: 'streaming' },
      },
      /timeline unknown, the leader on 2/,
    ],
    [
      'while it is on an old timeline, however healthy it looks',
      { own: node({ timeline: 1 }) },
      /timeline 1, the leader on 2/,
    ],
    ['while it is another database', { own: node({ systemId: '78' }) }, /another database/],
    [
      'by a base backup of the same host',
      {
        leaderNode: node({
          role: 'leader',
          replication: [{ application: 'pg_basebackup', state: 'streaming' }],
        }),
      },
      /sends it no WAL/,
    ],
    [
      'by the stream of db10',
      { leaderNode: node({ role: 'leader', replication: [{ application: 'db10', state: 'streaming' }] }) },
      /sends it no WAL/,
    ],
    [
      'while it catches up',
      { leaderNode: node({ role: 'leader', replication: [{ application: 'db1', state: 'catchup' }] }) },
      /catchup/,
    ],
    ['without a receiver of its own', { receiver: null }, /receives no WAL/],
    ['while its receiver waits', { receiver: { status: 'waiting' } }, /waiting/],
    ['while PostgreSQL lets nobody in', { receiver: undefined }, /does not let us in/],
    ['without a leader', { leader: undefined, leaderNode: undefined }, /no leader/],
    ['when the leader is silent', { leaderNode: undefined }, /db2 does not answer/],
    [
      'when the leader is none any more',
      { leaderNode: node({ role: 'replica', replication: [{ application: 'db1', state: 'streaming' }] }) },
      /says that it is a replica/,
    ],
    ['when it leads itself', { own: node({ role: 'leader' }) }, /leader itself/],
    ['while it is copied', { own: node({ state: 'creating replica' }) }, /creating replica/],
    ['when nobody lists it', { listed: undefined }, /does not list it/],
    [
      'by the archive of another timeline',
      { ...byArchive, own: node({ timeline: 1 }) },
      /timeline 1, the leader on 2/,
    ],
    ['by the archive while PostgreSQL lets nobody in', { ...byArchive, receiver: undefined }, /let us in/],
    ['by the archive while its replay is paused', { ...byArchive, paused: true }, /replay is paused/],
    ['when its Patroni is silent', { own: undefined }, /its Patroni does not answer/],
  ])('not %s', (_, more, words) => {
    expect(flawsOf({ ...STREAMS, ...more }).join('; ')).toMatch(words);
  });

  it.each<readonly [ReturnType<typeof streamingVerdict>, string, Partial<StreamingFacts>]>([
    ['not', 'it is on an old timeline', { own: node({ timeline: 1 }) }],
    ['not', 'it is another database', { own: node({ systemId: '78' }) }],
    ['not', 'it receives nothing', { receiver: null }],
    ['not', 'it is copied', { own: node({ state: 'creating replica' }) }],
    ['not', 'nobody sends it WAL, and all have answered', { leaderNode: node({ role: 'leader' }) }],
    ['not', 'its Patroni is silent, and it receives nothing', { own: undefined, receiver: null }],
    ['unknown', 'its Patroni is silent', { own: undefined }],
    [
      'unknown',
      'the leader is silent, whatever the member receives',
      { leaderNode: undefined, receiver: null },
    ],
    [
      'unknown',
      'the leader has not asked its PostgreSQL',
      { leaderNode: node({ role: 'leader', state: 'unknown' }) },
    ],
    ['unknown', 'its Patroni has not asked its PostgreSQL', { own: node({ state: 'unknown' }) }],
    ['unknown', 'its PostgreSQL lets nobody in', { receiver: undefined }],
    [
      'unknown',
      'one of those that may send it WAL is silent',
      { leaderNode: node({ role: 'leader' }), silent: ['db3'] },
    ],
    ['not', 'its replay waits for WAL that fits', { ...BEHIND, replayWaits: 'RecoveryWalStream' }],
    ['unknown', 'a query on it holds its replay', { ...BEHIND, replayWaits: 'RecoveryConflictSnapshot' }],
    ['unknown', 'its replay is at work', { ...BEHIND, replayWaits: null }],
    ['paused', 'somebody has paused its replay', { ...BEHIND, paused: true }],
    ['paused', 'somebody has paused it where it has all', { paused: true }],
    ['not', 'it is paused on an old timeline', { own: node({ timeline: 1 }), paused: true }],
    ['leads', 'it leads itself', { own: node({ role: 'leader' }) }],
    ['leaderless', 'nobody leads', { leader: undefined, leaderNode: undefined }],
  ])('by what was seen alone it counts as one that does not: %s where %s', (verdict, _, more) => {
    expect(streamingVerdict(streamingFlaws({ ...STREAMS, ...more }))).toBe(verdict);
  });

  it('and one that is stuck is known to look healthy', () => {
    expect(looksHealthy({ ...STREAMS, own: node({ timeline: 1 }) })).toBe(true);
  });
});

describe('the plan for a member', () => {
  const instance = (more: Partial<InstanceState> = {}): InstanceState => ({
    data: 'present',
    running: false,
    mode: 'open',
    ...more,
  });
  const wish = (state: 'stopped' | 'out' | 'running') => ({
    state,
    service: 'patroni',
    manager: 'supervisor' as const,
    pgdata: '/data',
    user: 'postgres',
    port: 8001,
    timeout: 60,
  });
  const up = { state: 'running' as const };
  const down = { state: 'stopped' as const };

  it('is nothing where it is down with its PostgreSQL, or up', () => {
    expect(planMember({ service: down, instance: instance() }, wish('stopped'))).toBeUndefined();
    expect(
      planMember({ service: up, instance: instance({ running: true }) }, wish('running')),
    ).toBeUndefined();
  });

  it('stops an orphaned PostgreSQL although the service is down', () => {
    expect(
      planMember({ service: down, instance: instance({ running: true }) }, wish('stopped')),
    ).toMatchObject({ state: 'stopped', ranBefore: true });
  });

  it('stops a service whose PostgreSQL has crashed, and one that is trying to start', () => {
    expect(planMember({ service: up, instance: instance() }, wish('stopped'))).toMatchObject({
      ranBefore: false,
    });
    const trying = { state: 'failed' as const, changing: 'starting' as const };
    const replica = instance({ running: true, role: 'recovering' });
    const asked = { ...wish('stopped'), config: '/etc/patroni.yml', cluster: 'c1' };
    expect(planMember({ service: up, instance: replica }, asked)).toMatchObject({
      replicaOf: { config: '/etc/patroni.yml', cluster: 'c1' },
    });
    const leader = instance({ running: true, role: 'primary' });
    expect(planMember({ service: up, instance: leader }, asked)).not.toHaveProperty('replicaOf');
    expect(planMember({ service: trying, instance: instance() }, wish('stopped'))).toBeDefined();
  });

  it.each(['stopped', 'running'] as const)('never disturbs an isolated recovery (%s)', (state) => {
    const isolated = instance({ running: true, mode: 'isolated' });
    expect(() => planMember({ service: down, instance: isolated }, wish(state))).toThrow('isolated recovery');
  });

  it.each(['stopped', 'running'] as const)(
    'refuses a data directory that is not the one that Patroni serves from (%s)',
    (state) => {
      const elsewhere = { service: up, instance: instance({ data: 'absent' }), servesElsewhere: true };
      expect(() => planMember(elsewhere, wish(state))).toThrow('its data lies in another directory');
    },
  );

  it('lets an isolated recovery run that is out of the cluster, and stops a Patroni that was started beside it', () => {
    const isolated = instance({ running: true, mode: 'isolated' });
    expect(planMember({ service: down, instance: isolated }, wish('out'))).toBeUndefined();
    expect(planMember({ service: up, instance: isolated }, wish('out'))).toMatchObject({ state: 'stopped' });
    const starting = { state: 'failed' as const, changing: 'starting' as const };
    expect(planMember({ service: starting, instance: isolated }, wish('out'))).toBeDefined();
  });

  it('fails for a service that does not exist', () => {
    expect(() =>
      planMember({ service: { state: 'missing' }, instance: instance() }, wish('running')),
    ).toThrow('no service "patroni"');
  });

  it('is a change where check mode cannot know', () => {
    const unknown = new Unknown('later');
    expect(planMember({ service: unknown, instance: unknown }, wish('stopped'))).toBeDefined();
  });
});
