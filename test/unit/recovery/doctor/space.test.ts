import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { productPlaybooks } from '../../../../lib/language/playbook/assets.ts';
import { loadYaml } from '../../../../lib/language/yaml/load.ts';
import { parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { NOT_ASKED, type Told } from '../../../../lib/recovery/doctor/answer.ts';
import type { BarmanLook } from '../../../../lib/recovery/doctor/barman-script.ts';
import { WAL_AT_ONE_TIME, WAL_SPOOL_BYTES } from '../../../../lib/recovery/doctor/checks/space.ts';
import type { BarmanFacts, Facts, NodeFacts, Stock } from '../../../../lib/recovery/doctor/facts.ts';
import { examine } from '../../../../lib/recovery/doctor/finding.ts';
import { unknownNode } from '../../../../lib/recovery/doctor/node-facts.ts';
import type { NodeLook } from '../../../../lib/recovery/doctor/node-script.ts';
import { CHECKS } from '../../../../lib/recovery/doctor/registry.ts';
import { fixture } from '../barman/fixture.ts';
import { MIB, STOCK } from './stock.ts';

const space = (freeMiB: number, mount = '/') => ({
  device: '/dev/x',
  mount,
  sizeBytes: 1e12,
  freeBytes: freeMiB * MIB,
});

interface Case {
  readonly free: number;
  readonly walFree?: number;
  readonly stock?: Told<Stock>;
  readonly names?: undefined;
  readonly volume?: number;
  readonly atOneTime?: number;
  readonly spool?: { readonly bytes?: number; readonly place?: string };
  readonly look?: BarmanFacts['look'];
  readonly servers?: readonly string[];
  readonly bytes?: NodeFacts['bytes'];
}

function node({ free, walFree, volume, atOneTime, spool, bytes = NOT_ASKED, ...more }: Case): NodeFacts {
  const look: NodeLook = {
    clock: { aheadMs: 0, withinMs: 0, offset: '+0000', zone: 'UTC' },
    missingTools: [],
    space: space(free),
    walSpace:
      walFree === undefined ? undefined : { wal: '/wal/15', space: { value: space(walFree, '/wal') } },
    names: 'names' in more ? undefined : new Set(),
    secrets: [],
    secretsUnseen: [],
  };
  return {
    ...unknownNode('db2', NOT_ASKED, NOT_ASKED),
    place: {
      name: 'db2',
      pgdata: '/data',
      user: 'postgres',
      patroni: { port: 8008, config: '/p.yml', service: 'patroni', manager: 'systemd' },
      walMethod: spool === undefined ? 'local' : 'barman-wal-restore',
      walAtOneTime: atOneTime,
      walSpool: spool?.place,
      walSpoolBytes: spool?.bytes,
      walVolumeBytes: volume,
    },
    host: { value: look },
    bytes,
  };
}

function found(given: Case, id = 'space.node'): readonly string[] {
  const facts: Facts = {
    now: 0,
    nodes: [node(given)],
    barman: {
      place: { name: 'barman', user: 'barman', lockDirectory: '', servers: given.servers },
      reached: NOT_ASKED,
      look: given.look ?? NOT_ASKED,
      stock: given.stock ?? { value: STOCK },
      checks: NOT_ASKED,
      errors: NOT_ASKED,
      access: {},
      lock: NOT_ASKED,
      files: NOT_ASKED,
      logins: NOT_ASKED,
    } satisfies BarmanFacts,
    variableFlaws: [],
    dynamic: NOT_ASKED,
    controller: { secrets: [], drills: NOT_ASKED },
    inventoryOptions: '',
  };
  return CHECKS.filter((check) => check.id === id)
    .flatMap((check) => examine(check, facts))
    .map(({ severity, text = '' }) => `${severity}: ${text}`);
}

describe('room for a recovery on a node', () => {
  it.each<readonly [string, Case, readonly string[]]>([
    ['is that of the data and of the WAL to replay', { free: 200 }, ['ok: ']],
    [
      'is too little for the WAL',
      { free: 100 },
      ['critical: restored data needs 162.3 MiB, and 100.0 MiB are free on /'],
    ],
    ['is that of the WAL that lies there at one time', { free: 100, atOneTime: 64 * MIB }, ['ok: ']],
    [
      'is too little for what waits for its replay, too',
      { free: 100, atOneTime: 64 * MIB, spool: { bytes: 10 * MIB } },
      ['critical: restored data needs 108.3 MiB, and 100.0 MiB are free on /'],
    ],
    [
      'is there where all of it waits elsewhere',
      { free: 100, atOneTime: 64 * MIB, spool: { place: '/srv/wal' } },
      ['ok: '],
    ],
    ['is there for the data where its WAL has a volume', { free: 40, walFree: 130 }, ['ok: ']],
    ['is there on a volume of the WAL', { free: 200, walFree: 130 }, ['ok: ']],
    [
      'is too little on a volume of the WAL',
      { free: 200, walFree: 100 },
      ['critical: recovered WAL beside /wal/15 needs 128.0 MiB, and 100.0 MiB are free on /wal'],
    ],
    ['is what the inventory says of that volume', { free: 200, walFree: 100, volume: 64 * MIB }, ['ok: ']],
    [
      'is not known where the data directory cannot be looked into',
      { free: 200, names: undefined },
      ['unknown: cannot tell where its WAL lies: /data cannot be looked into'],
    ],
    [
      'is not known where Barman does not tell',
      { free: 200, stock: NOT_ASKED },
      [
        'unknown: cannot tell: it is not known how large the data is',
        'unknown: cannot tell: it was not looked at',
      ],
    ],
  ])('%s', (_, given, expected) => {
    expect(found(given)).toEqual(expected);
  });

  it.each([
    ['compressed', 'compression=gzip'],
    ['a difference to another one', 'parent_backup_id=20261122T010000'],
  ])('is not known by what a backup takes at Barman that is %s', (_, line) => {
    const text = fixture('backup.info').replace(/^compression=.*$/m, '');
    const backups = [parseBackupInfo('db1', '20261122T155813', `${text}\n${line}\n`)];
    const stock = { value: { ...STOCK, servers: STOCK.servers.map((server) => ({ ...server, backups })) } };
    expect(found({ free: 2000, stock })).toEqual([
      'unknown: cannot tell: it is not known how large the data is',
    ]);
    // Any node tells it, where the leader is silent.
    expect(found({ free: 2000, stock, bytes: { value: 3000 * MIB } })).toEqual([
      'critical: restored data needs 3.1 GiB, and 2.0 GiB are free on /',
    ]);
  });

  it('is not ok where a backup alone tells how large the data is, because no node could', () => {
    expect(
      found({ free: 200_000, stock: { value: STOCK }, bytes: { unknown: 'it took too long', next: [] } }),
    ).toEqual(['unknown: cannot tell: it took too long']);
  });

  it('counts as much WAL at one time as a recovery does', () => {
    const file = join(productPlaybooks(), 'vars/recovery.yml');
    const { value } = loadYaml(file, readFileSync(file, 'utf8'));
    expect(Object(value).wal_at_one_time).toBe(WAL_AT_ONE_TIME);
    expect(Object(value).wal_spool_bytes).toBe(WAL_SPOOL_BYTES);
  });
});

it('room for twice the data is not known where nobody tells the WAL to replay', () => {
  const [db1] = STOCK.servers;
  const unread = new PitrError({ kind: 'failed', code: 'x', message: 'db2 cannot be read' });
  const servers = db1 === undefined ? [] : [db1, { ...db1, name: 'db2', backups: [], unread }];
  expect(found({ free: 2000, stock: { value: { ...STOCK, servers } } }, 'space.growth')).toEqual([
    'unknown: cannot tell: db2 cannot be read',
  ]);
});

describe('room for one more backup', () => {
  const look = (spaces: BarmanLook['spaces']): BarmanFacts['look'] => ({
    value: {
      clock: { aheadMs: 0, withinMs: 0, offset: '+0000', zone: 'UTC' },
      missingTools: [],
      spaces,
      waiting: [],
      secrets: [],
      secretsUnseen: [],
    },
  });
  const [db1] = STOCK.servers;
  const two: Stock = { ...STOCK, servers: db1 === undefined ? [] : [db1, { ...db1, name: 'db2' }] };

  it.each<readonly [string, Case, readonly string[]]>([
    ['is there', { free: 200, look: look([{ server: 'db1', space: space(40) }]) }, ['ok: ']],
    [
      'is not there',
      { free: 200, look: look([{ server: 'db1', space: space(30) }]) },
      ['critical: a backup needs up to 34.3 MiB, and 30.0 MiB are free on /'],
    ],
    [
      'is not known where nobody has looked at one of the servers',
      { free: 200, look: look([{ server: 'db1', space: space(40) }]), stock: { value: two } },
      ['unknown: cannot tell of server db2: its directories could not be looked into'],
    ],
    [
      'is not known where Barman does not tell its servers',
      { free: 200, look: look([]), stock: NOT_ASKED },
      ['unknown: cannot tell: it is not known how large the data is'],
    ],
    [
      'is not known where Barman does not know the server that the inventory names',
      { free: 200, look: look([]), servers: ['typo'] },
      ['unknown: cannot tell: it is not known how large the data is'],
    ],
  ])('%s', (_, given, expected) => {
    expect(found(given, 'space.barman')).toEqual(expected);
  });
});
