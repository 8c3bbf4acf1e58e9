import { describe, expect, it } from 'vitest';
import { parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { NOT_ASKED } from '../../../../lib/recovery/doctor/answer.ts';
import type { BarmanLook } from '../../../../lib/recovery/doctor/barman-script.ts';
import type { BarmanFacts, Facts, NodeFacts, Stock } from '../../../../lib/recovery/doctor/facts.ts';
import { examine } from '../../../../lib/recovery/doctor/finding.ts';
import type { HostClock } from '../../../../lib/recovery/doctor/host-clock.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import type { NodeLook } from '../../../../lib/recovery/doctor/node-script.ts';
import { parseNodeSql } from '../../../../lib/recovery/doctor/node-sql.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import { sqlAnswer } from './sql-answer.ts';
import { STOCK } from './stock.ts';

const OF_THE_BACKUP = STOCK.servers[0]?.backups[0]?.systemId;

/** What a check says where these are the nodes, and this is what Barman has, at a time of the controller in epoch seconds. */
function found(
  id: string,
  nodes: readonly NodeFacts[],
  stock: Stock = STOCK,
  now = 0,
  look: BarmanFacts['look'] = NOT_ASKED,
): readonly string[] {
  const facts: Facts = {
    now: now * 1000,
    nodes,
    barman: {
      place: { name: 'barman', user: 'barman', lockDirectory: '' },
      reached: NOT_ASKED,
      look,
      stock: { value: stock },
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
  return CHECKS.filter((check) => check.id === id)
    .flatMap((check) => examine(check, facts))
    .map(({ severity, text = '' }) => `${severity}: ${text}`);
}

describe('whether a backup reaches what is written now', () => {
  /** The archive ends with segment F (15) of timeline 1, days ago. */
  const leader = (sql: Readonly<Record<string, unknown>>): NodeFacts => ({
    ...unknownNode('db1', NOT_ASKED, NOT_ASKED),
    cluster: {
      value: {
        source: 'node',
        leader: 'db1',
        timeline: 1,
        members: { db1: { name: 'db1', role: 'leader', state: 'running' } },
      },
    } as NodeFacts['cluster'],
    sql: {
      value: parseNodeSql(
        sqlAnswer({ system_id: OF_THE_BACKUP, settings: { wal_segment_size: '16777216' }, ...sql }),
      ),
    },
  });
  const DAYS_LATER = 1_795_363_100 + 5 * 86_400;
  const told = (sql: Readonly<Record<string, unknown>>, stock: Stock = STOCK) =>
    found('backups.now', [leader(sql)], stock, DAYS_LATER).map((line) => line.replace(/ is .*/, ''));
  const LATE = ['warning: the latest moment that can be recovered'];

  it('is so of an idle leader, of which all is archived that it has finished', () => {
    expect(told({ wal: '0/10000060' })).toEqual(['ok: ']);
  });

  it('is not so where segments have not arrived, though nothing waits and nothing fails on the leader', () => {
    expect(
      told({ wal: '0/11000060', ready: 0, settings: { archive_mode: 'off', wal_segment_size: '16777216' } }),
    ).toEqual(LATE);
    expect(told({ wal: null })).toEqual(LATE);
  });

  it('is so where a server that receives by streaming keeps the last one until the next has begun', () => {
    const servers = STOCK.servers.map((server) => ({ ...server, streamingArchiver: true }));
    expect(told({ wal: '0/11000000' }, { ...STOCK, servers })).toEqual(['ok: ']);
    expect(told({ wal: '0/12000000' }, { ...STOCK, servers })).toEqual(LATE);
  });
});

describe('a backup that has not come to its end', () => {
  const NAMED = Date.UTC(2026, 10, 22, 15, 58, 13) / 1000;
  const told = (hours: number, lines: string) => {
    const backups = [parseBackupInfo('db1', '20261122T155813', lines)];
    const servers = STOCK.servers.map((server) => ({ ...server, backups }));
    return found('backups.failed', [], { ...STOCK, servers }, NAMED + hours * 3600).map((line) =>
      line.replace(/:.*status/, ':'),
    );
  };

  it('is none that has just begun, also where it still waits for PostgreSQL', () => {
    expect(told(0.2, 'status=EMPTY')).toEqual(['ok: ']);
    expect(told(23, 'status=STARTED\nbegin_time=2026-11-22 15:58:14+00:00')).toEqual(['ok: ']);
    // Its name is a time of Barman's own zone.
    expect(told(-13, 'status=EMPTY')).toEqual(['ok: ']);
  });

  it('is told where it has not for days', () => {
    expect(told(72, 'status=EMPTY')).toEqual(['warning: EMPTY']);
    expect(told(25, 'status=STARTED\nbegin_time=2026-11-22 15:58:14+00:00')).toEqual(['warning: STARTED']);
  });
});

describe('ages, where the clock of the controller is wrong', () => {
  const AHEAD_MS = 3_600_000;
  const clock: HostClock = { aheadMs: -AHEAD_MS, withinMs: 1, offset: '+0000', zone: 'UTC' };
  const barman = { value: { clock } as BarmanLook };
  /** An hour ahead of all hosts. */
  const wrong = (id: string, stock: Stock, now: number) => ({
    here: found(id, [NODE], stock, now + AHEAD_MS / 1000),
    there: found(id, [NODE], stock, now + AHEAD_MS / 1000, barman),
    right: found(id, [NODE], stock, now),
  });
  const NODE = {
    ...unknownNode('db1', NOT_ASKED, NOT_ASKED),
    instance: { value: { control: { systemId: OF_THE_BACKUP } } },
  } as NodeFacts;
  const ENDED = Number((STOCK.servers[0]?.backups[0]?.endTime ?? 0n) / 1_000_000n);

  it('are told by the clock of Barman: of a backup', () => {
    const { here, there, right } = wrong('backups.age', STOCK, ENDED + 2 * 86_400 - 1_800);
    expect(right).toEqual(['ok: ']);
    expect(there).toEqual(right);
    expect(here).not.toEqual(right);
  });

  it('are told by the clock of Barman: of one that is being taken', () => {
    const lines = 'status=STARTED\nbegin_time=2026-11-22 15:58:14+00:00';
    const backups = [parseBackupInfo('db1', '20261122T155813', lines)];
    const stock = { ...STOCK, servers: STOCK.servers.map((server) => ({ ...server, backups })) };
    const began = Date.UTC(2026, 10, 22, 15, 58, 14) / 1000;
    const { here, there, right } = wrong('backups.failed', stock, began + 23.5 * 3_600);
    expect(right).toEqual(['ok: ']);
    expect(there).toEqual(right);
    expect(here).not.toEqual(right);
  });

  it.each(['backups.age', 'backups.failed', 'backups.now'])('are told together with that clock: %s', (id) => {
    expect(CHECKS.find((check) => check.id === id)?.needs).toContain('barman');
  });
});

describe('the zones of hosts', () => {
  const node = (name: string, clock: Partial<HostClock>): NodeFacts => ({
    ...unknownNode(name, NOT_ASKED, NOT_ASKED),
    host: {
      value: { clock: { aheadMs: 0, withinMs: 0, offset: '+0000', zone: 'UTC', ...clock } } as NodeLook,
    },
  });
  const UTC = { year: { january: '+0000', july: '+0000' } };
  const LONDON = { zone: 'GMT', year: { january: '+0000', july: '+0100' } };
  const told = (...nodes: readonly NodeFacts[]) =>
    found('clocks.zones', nodes).filter((line) => !line.startsWith('unknown'));

  it('differ where they are an hour apart in summer alone', () => {
    expect(told(node('db1', UTC), node('db2', LONDON))).toEqual([
      'warning: the zones differ: +0000 (+0000 in January, +0000 in July) on db1; +0000 (+0000 in January, +0100 in July) on db2',
    ]);
  });

  it('differ by the time of today where that is all that is told', () => {
    expect(told(node('db1', {}), node('db2', LONDON))).toEqual([]);
    expect(told(node('db1', {}), node('db2', { offset: '+0900' }))).toEqual([
      'warning: the zones differ: +0000 on db1; +0900 on db2',
    ]);
  });
});
