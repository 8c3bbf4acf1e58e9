import { describe, expect, it } from 'vitest';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import type { BarmanFacts, Facts, NodeFacts, Stock } from '../../../../lib/recovery/doctor/facts.ts';
import { examine, type Severity } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import type { NodeSql } from '../../../../lib/recovery/doctor/node-sql.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';

const SQL: NodeSql = {
  in_recovery: false,
  replay_paused: false,
  receiving: null,
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
  bytes: 1,
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
    backups: [],
  };
}

function severities(servers: Stock['servers'] | undefined, leader = LEADER): readonly Severity[] {
  const stock: BarmanFacts['stock'] =
    servers === undefined ? NOT_ASKED : { value: { servers, archives: [] } };
  const facts: Facts = {
    now: 0,
    nodes: [leader],
    barman: {
      place: { name: 'barman', user: 'barman', lockDirectory: '' },
      reached: NOT_ASKED,
      look: NOT_ASKED,
      stock,
      checks: NOT_ASKED,
      errors: NOT_ASKED,
      access: {},
      lock: NOT_ASKED,
      files: NOT_ASKED,
      logins: NOT_ASKED,
    },
    variableFlaws: [],
    dynamic: NOT_ASKED,
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
  };
  return CHECKS.filter(({ id }) => ['archiving.on', 'archiving.arrives', 'archiving.timeout'].includes(id))
    .flatMap((check) => examine(check, facts))
    .map(({ severity }) => severity);
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
