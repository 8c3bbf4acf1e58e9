import { describe, expect, it } from 'vitest';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import { mayLead, parseClusterAnswer, parseMemberList } from '../../../../lib/recovery/patroni/cluster.ts';
import { withoutMember } from '../../../../lib/recovery/patroni/foresee.ts';

describe('a member that may take over', () => {
  it.each([
    [{ state: 'running' }, true],
    [{ state: 'streaming', tags: { nosync: true, clonefrom: true } }, true],
    [{ state: 'in archive recovery' }, true],
    [{ state: 'streaming', tags: { nofailover: true } }, false],
    [{ state: 'streaming', tags: { nofailover: false } }, true],
    [{ state: 'streaming', tags: { failover_priority: 0 } }, false],
    [{ state: 'streaming', tags: { failover_priority: '0' } }, false],
    [{ state: 'streaming', tags: { failover_priority: 2 } }, true],
    [{ state: 'streaming', tags: { nofailover: false, failover_priority: 0 } }, true],
    [{ state: 'stopped' }, false],
    [{ state: 'creating replica' }, false],
  ])('%j: %s', (told, may) => {
    const { db2 } = parseClusterAnswer(
      JSON.stringify({ members: [{ name: 'db2', role: 'replica', ...told }] }),
    ).members;
    expect(db2 === undefined ? undefined : mayLead(db2)).toBe(may);
  });

  it('is told so by the list, too', () => {
    const row = { Member: 'db2', Role: 'Replica', State: 'running', Tags: { failover_priority: 0 } };
    const { db2 } = parseMemberList(JSON.stringify([row])).members;
    expect(db2 === undefined ? undefined : mayLead(db2)).toBe(false);
  });
});

it('a check foresees that nobody leads where the leader leaves alone, and does not know who takes over', () => {
  const after = (tags: object) => {
    const members = [
      { name: 'db1', role: 'leader', state: 'running' },
      { name: 'db2', role: 'replica', state: 'streaming', tags },
    ];
    return withoutMember(parseClusterAnswer(JSON.stringify({ members })), 'db1');
  };
  expect(after({})).toBeInstanceOf(Unknown);
  expect(after({ nofailover: true })).not.toHaveProperty('leader');
  expect(after({ nofailover: true })).toMatchObject({ members: { db1: { state: 'stopped' } } });
});

it.each([
  ['one that is up may take over', 'streaming', true],
  ['one that is down does not, nor does anybody in its place', 'stopped', false],
])('beside synchronous standbys no other member counts: %s', (_, state, somebody) => {
  const members = [
    { name: 'db1', role: 'leader', state: 'running' },
    { name: 'db2', role: 'sync_standby', state },
    { name: 'db3', role: 'replica', state: 'streaming' },
  ];
  const after = withoutMember(parseClusterAnswer(JSON.stringify({ members })), 'db1');
  expect(after instanceof Unknown).toBe(somebody);
});
