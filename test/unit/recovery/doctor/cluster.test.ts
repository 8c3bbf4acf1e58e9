import { describe, expect, it } from 'vitest';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import type { Facts, NodeFacts } from '../../../../lib/recovery/doctor/facts.ts';
import { examine, type Finding } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import { parseNodeSql } from '../../../../lib/recovery/doctor/node-sql.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import type { ServedPatroni } from '../../../../lib/recovery/patroni/service-process.ts';
import { sqlAnswer } from './sql-answer.ts';

/** What a PostgreSQL tells that receives nothing. */
const sql = (replica: boolean): NodeFacts['sql'] => ({
  value: parseNodeSql(sqlAnswer({ in_recovery: replica })),
});

const STATES = { db1: 'running', db2: 'start failed' } as const;

/** What two nodes see, of which the first is called the leader, or none. */
function found(check: string, leader: 'db1' | undefined, replica = true, tags: readonly string[] = []) {
  const members = (['db1', 'db2'] as const).map((name, index) => ({
    name,
    role: name === leader ? ('leader' as const) : ('replica' as const),
    state: STATES[name],
    timeline: 3 - index,
    tags,
  }));
  const cluster: NodeFacts['cluster'] = {
    value: {
      source: 'node',
      ...(leader === undefined ? {} : { leader }),
      members: Object.fromEntries(members.map((member) => [member.name, member])),
      timeline: 3,
    },
  };
  const nodes = ['db1', 'db2'].map((name) => ({
    ...unknownNode(name, NOT_ASKED, NOT_ASKED),
    cluster,
    sql: sql(name === 'db1' ? replica : true),
  }));
  return foundOf(check, nodes).map(({ severity, host, mend = [] }) => ({
    severity,
    host,
    mend: mend.join(),
  }));
}

function foundOf(check: string, nodes: readonly NodeFacts[]): readonly Finding[] {
  const facts: Facts = {
    now: 0,
    nodes,
    variableFlaws: [],
    dynamic: NOT_ASKED,
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
  };
  return CHECKS.filter(({ id }) => id === check).flatMap((one) => examine(one, facts));
}

describe.each(['cluster.streaming', 'cluster.members'])('%s', (check) => {
  it('advises to copy a member anew where somebody leads from whom it would be copied', () => {
    const [flaw] = found(check, 'db1', false).filter(({ host }) => host === 'db2');
    expect(flaw).toMatchObject({ severity: 'critical', mend: expect.stringContaining('reinit') });
  });

  it('does not where nobody leads: that member may have the newest data', () => {
    const flaws = found(check, undefined);
    expect(flaws).toContainEqual(expect.objectContaining({ severity: 'critical', host: 'db2' }));
    expect(JSON.stringify(flaws)).not.toContain('reinit');
  });
});

it('a primary is not blamed for receiving nothing where nobody is known to lead', () => {
  expect(found('cluster.streaming', undefined, false)).toContainEqual(
    expect.objectContaining({ severity: 'unknown', host: 'db1' }),
  );
});

it('a replica that is told to follow by the archive is not blamed for receiving nothing', () => {
  expect(found('cluster.streaming', 'db1', false).map(({ host }) => host)).toContain('db2');
  expect(found('cluster.streaming', 'db1', false, ['nostream'])).not.toContainEqual(
    expect.objectContaining({ severity: 'critical' }),
  );
});

it('a pause has a way out where no Patroni is up that patronictl could ask, too', () => {
  const members = { db1: { name: 'db1', role: 'replica', state: 'stopped' } } as const;
  const cluster: NodeFacts['cluster'] = { value: { source: 'patronictl', members, paused: true } };
  const [flaw] = foundOf('cluster.paused', [{ ...unknownNode('db1', NOT_ASKED, NOT_ASKED), cluster }]);
  expect(flaw?.mend).toEqual([
    expect.stringMatching(/patronictl resume$/),
    expect.stringMatching(/^Where no Patroni is up, .* patronictl edit-config --force --set 'pause=null'$/),
  ]);
});

describe('cluster.service', () => {
  const served = (
    told: ServedPatroni,
    state: 'running' | 'stopped' = 'running',
    beside?: { readonly pid: number; readonly unit?: string },
  ) => {
    const node: NodeFacts = {
      ...unknownNode('db1', NOT_ASKED, NOT_ASKED),
      place: {
        name: 'db1',
        pgdata: '/data',
        user: 'postgres',
        patroni: { port: 8008, config: '/p.yml', service: 'patroni@other', manager: 'systemd' },
        walMethod: 'local',
      },
      service: { value: { state } },
      patroni: { value: { served: told, beside } },
    };
    return foundOf('cluster.service', [node]).map(({ severity, text = '', mend = [] }) =>
      [`${severity}: ${text}`, ...(beside === undefined ? [] : mend)].join('\n'),
    );
  };

  it('is content with the service that runs the Patroni of the inventory', () => {
    expect(served('this')).toEqual(['ok: ']);
  });

  it('is not content with any that runs', () => {
    expect(served({ other: '/other.yml' })).toEqual([
      'critical: the service patroni@other runs the Patroni of /other.yml, and the inventory says /p.yml',
    ]);
    expect(served('unknown')).toMatchObject([expect.stringMatching(/^unknown: cannot tell whether/)]);
    expect(served({ among: 'supervisord' })).toEqual([
      'critical: the service patroni@other is supervisord, which runs Patroni among other things: a recovery would stop them all',
    ]);
  });

  it('tells of a Patroni that runs beside it, and does not advise to start a second one', () => {
    const [stopped] = served('unknown', 'stopped', { pid: 99, unit: 'patroni@main.service' });
    expect(stopped).toContain(
      'critical: the service patroni@other is stopped, and the Patroni of /p.yml runs all the same (process 99, in the unit patroni@main.service)',
    );
    expect(stopped).toContain('Set patroni_service for db1');
    expect(stopped).not.toContain('systemctl start');
    expect(served('unknown', 'running', { pid: 99 })).toMatchObject([
      expect.stringMatching(
        /^critical: the service patroni@other does not run the Patroni of \/p.yml, .*process 99/,
      ),
    ]);
  });

  it('tells of one that is down only that', () => {
    expect(served('unknown', 'stopped')).toEqual(['critical: the service patroni@other is stopped']);
  });
});
