import { describe, expect, it } from 'vitest';
import { parseClusterAnswer, parseMemberList, parseRole } from '../../../../lib/recovery/patroni/cluster.ts';
import { parseNode } from '../../../../lib/recovery/patroni/node.ts';
import { parseAnswers } from '../../../../lib/recovery/patroni/rest.ts';

describe('GET /cluster', () => {
  it('of 3.0 tells members, leader and timeline', () => {
    const view = parseClusterAnswer(
      JSON.stringify({
        members: [
          {
            name: 'db1',
            role: 'leader',
            state: 'running',
            api_url: 'http://db1:8001/patroni',
            host: 'db1',
            port: 5431,
            timeline: 2,
          },
          {
            name: 'db2',
            role: 'replica',
            state: 'running',
            api_url: 'http://db2:8001/patroni',
            host: 'db2',
            port: 5431,
            timeline: 1,
            lag: 0,
          },
          { name: 'db10', role: 'replica', state: 'stopped', lag: 'unknown', pending_restart: true },
        ],
        pause: true,
      }),
    );
    expect(view).toMatchObject({ leader: 'db1', timeline: 2, paused: true });
    expect(view.members.db2).toEqual({
      name: 'db2',
      role: 'replica',
      state: 'running',
      timeline: 1,
      lagBytes: 0,
      host: 'db2',
      port: 5431,
      apiUrl: 'http://db2:8001',
    });
    expect(view.members.db10).toEqual({
      name: 'db10',
      role: 'replica',
      state: 'stopped',
      pendingRestart: true,
    });
  });

  it('without a leader names none, and the highest timeline', () => {
    const view = parseClusterAnswer(
      '{"members":[{"name":"a","role":"replica","state":"running","timeline":3}]}',
    );
    expect(view).toMatchObject({ timeline: 3, paused: false });
    expect(view.leader).toBeUndefined();
  });

  it('is not believed when it is something else', () => {
    expect(() => parseClusterAnswer('{"detail":"no"}')).toThrow('members');
  });
});

describe('patronictl list', () => {
  it.each([
    [
      {
        Cluster: 'p',
        Member: 'db2',
        Host: 'db2:5431',
        Role: 'Replica',
        State: 'running',
        TL: 1,
        'Lag in MB': 2,
      },
      'replica',
    ],
    [
      {
        Cluster: 'p',
        Member: 'db2',
        Host: 'db2:5431',
        Role: 'Sync Standby',
        State: 'streaming',
        TL: 1,
        'Replay Lag': 2,
      },
      'sync_standby',
    ],
  ])('of any version: %j', (row, role) => {
    const view = parseMemberList(JSON.stringify([row]));
    expect(view.members.db2).toMatchObject({
      role,
      lagBytes: 2 * 1024 * 1024,
      host: 'db2',
      port: 5431,
      timeline: 1,
    });
    expect(view).toMatchObject({ cluster: 'p' });
    expect(view.paused).toBeUndefined();
  });

  it('does not take "unknown" for a lag, nor miss an address in brackets', () => {
    const view = parseMemberList(
      '[{"Member":"a","Host":"[fd00::1]:5431","Role":"Replica","State":"stopped","Lag in MB":"unknown"}]',
    );
    expect(view.members.a).toEqual({
      name: 'a',
      role: 'replica',
      state: 'stopped',
      host: 'fd00::1',
      port: 5431,
    });
  });
});

it.each([
  ['master', 'leader'],
  ['primary', 'leader'],
  ['Leader', 'leader'],
  ['Standby Leader', 'standby_leader'],
  ['standby_leader', 'standby_leader'],
  ['something new', 'unknown'],
])('the role %s is %s', (word, role) => {
  expect(parseRole(word)).toBe(role);
});

describe('GET /patroni', () => {
  it('of a leader tells who streams', () => {
    const node = parseNode(
      '{"state":"running","postmaster_start_time":"2026-11-22 15:06:46+00:00","role":"master","server_version":150020,"xlog":{"location":184549472},"timeline":1,"replication":[{"usename":"replicator","application_name":"db2","client_addr":"172.22.0.6","state":"streaming","sync_state":"async","sync_priority":0}],"database_system_identifier":"7711012496840089715","patroni":{"version":"3.0.2","scope":"patroni1"}}',
    );
    expect(node).toMatchObject({
      role: 'leader',
      systemId: '7711012496840089715',
      timeline: 1,
      location: 184549472,
      cluster: 'patroni1',
      version: '3.0.2',
      replication: [{ application: 'db2', state: 'streaming', address: '172.22.0.6' }],
      pendingRestart: false,
    });
  });

  it('of a replica tells what it received and replayed', () => {
    const node = parseNode(
      '{"state":"running","role":"replica","xlog":{"received_location":5,"replayed_location":4,"paused":false}}',
    );
    expect(node).toMatchObject({ role: 'replica', received: 5, replayed: 4, replication: [] });
    expect(node.timeline).toBeUndefined();
  });
});

it('answers are told apart by their address, silence from an empty body', () => {
  const answers = parseAnswers('@url a\n{"x":1}\n@code 200\n@url b\n\n@code 000\n@url c\n');
  expect(answers.get('a')).toEqual({ code: 200, body: '{"x":1}' });
  expect(answers.get('b')).toEqual({ code: 0, body: '' });
  expect(answers.get('c')?.code).toBe(0);
});
