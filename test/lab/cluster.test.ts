import { describe, expect, it } from 'vitest';
import { describeMembers, leaderOf, membershipAilments, parseMembers } from '../../lab/cluster.ts';

/** As Patroni 3.0.2 answers `GET /cluster`. */
const healthy = JSON.stringify({
  members: [
    { name: 'db1', role: 'leader', state: 'running', host: 'db1', port: 5431, timeline: 1 },
    ...['db2', 'db3', 'db4'].map((name) => ({
      name,
      role: 'replica',
      state: 'running',
      host: name,
      port: 5431,
      timeline: 1,
      lag: 0,
    })),
  ],
});

const changed = (change: (members: Record<string, unknown>[]) => void) => {
  const document = JSON.parse(healthy) as { members: Record<string, unknown>[] };
  change(document.members);
  return parseMembers(JSON.stringify(document));
};

describe('the health of the cluster', () => {
  it('is good with one leader and three replicas on its timeline', () => {
    expect(leaderOf(parseMembers(healthy))).toBe('db1');
    expect(membershipAilments(parseMembers(healthy))).toEqual([]);
  });

  it('is not good with a member missing', () => {
    expect(membershipAilments(changed((members) => members.pop()))).toEqual(['db4 is no member']);
  });

  it('is not good with a member that does not run', () => {
    const members = changed((all) => Object.assign(all[2] ?? {}, { state: 'start failed', lag: 'unknown' }));
    expect(membershipAilments(members)).toEqual(['db3 is start failed']);
    expect(members[2]?.lagBytes).toBeUndefined();
  });

  it('is not good with a replica left behind on the old timeline, though Patroni calls it running', () => {
    const members = changed((all) => Object.assign(all[0] ?? {}, { timeline: 2 }));
    expect(membershipAilments(members)).toEqual([
      'db2 is on timeline 1, the leader on 2',
      'db3 is on timeline 1, the leader on 2',
      'db4 is on timeline 1, the leader on 2',
    ]);
  });

  it('is described in words while there is no leader', () => {
    const members = changed((all) => Object.assign(all[0] ?? {}, { role: 'replica' })).slice(0, 2);
    expect(leaderOf(members)).toBeUndefined();
    expect(describeMembers(members)).toBe('db1 replica running TL 1, db2 replica running TL 1');
  });
});
