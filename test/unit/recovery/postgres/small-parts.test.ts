import { describe, expect, it } from 'vitest';
import { Unknown } from '../../../../lib/base/values/unknown.ts';
import { alterSystem, settingChanges, settingText } from '../../../../lib/recovery/postgres/alter-system.ts';
import type { InstanceState } from '../../../../lib/recovery/postgres/instance.ts';
import {
  checkSocketPath,
  isolationSettings,
  runFiles,
  runFilesOf,
} from '../../../../lib/recovery/postgres/isolation.ts';
import {
  parseRows,
  rowsStatement,
  sameValue,
  singleValue,
} from '../../../../lib/recovery/postgres/query-result.ts';
import { sqlFailure } from '../../../../lib/recovery/postgres/sql-failure.ts';
import { instanceAfterStart, planStart } from '../../../../lib/recovery/postgres/start-plan.ts';

describe('an isolated start', () => {
  const settings = new Map(isolationSettings(runFiles('/data/patroni2'), 15));

  it('listens nowhere, archives nothing, follows nobody, and logs in English', () => {
    expect(settings.get('listen_addresses')).toBe('');
    expect(settings.get('unix_socket_directories')).toBe('/data/patroni2.pitr-run');
    expect(settings.get('archive_command')).toBe('');
    expect(settings.get('primary_conninfo')).toBe('');
    expect(settings.get('max_logical_replication_workers')).toBe('0');
    expect(settings.get('lc_messages')).toBe('C');
  });

  it('logs with details and without states of SQL, whatever the cluster says: its log is read', () => {
    expect(settings.get('log_error_verbosity')).toBe('default');
  });

  it('leaves archive_mode on, so that nothing of the new timeline is lost to the archive', () => {
    expect(settings.has('archive_mode')).toBe(false);
  });

  it('does not name settings that an older version does not know', () => {
    expect(new Map(isolationSettings(runFiles('/d'), 14)).has('archive_library')).toBe(false);
  });

  it('has its socket again where it had it, whoever starts it once more', () => {
    const socket = ['unix_socket_directories', '/run/pitr'] as const;
    const of = (...started: Parameters<typeof runFilesOf>[1]) =>
      runFilesOf('/data/patroni2', started).socketDirectory;
    expect(of(['listen_addresses', ''], socket)).toBe('/run/pitr');
    expect(of(['listen_addresses', ''])).toBe('/data/patroni2.pitr-run');
    expect(of(socket)).toBe('/data/patroni2.pitr-run');
  });

  it('refuses a directory whose socket no system could open', () => {
    expect(() => checkSocketPath(`/${'x'.repeat(90)}`)).toThrow('too long');
    checkSocketPath('/var/lib/postgresql/15/patroni2.pitr-run');
  });
});

describe('the plan of a start', () => {
  const wish = (mode: 'isolated' | 'closed' | 'open') => ({
    mode,
    pgdata: '/data',
    user: 'postgres',
    roles: ['postgres'],
    settings: {},
    shutdown_timeout: 60,
  });
  const state = (more: Partial<InstanceState>): InstanceState => ({
    data: 'present',
    running: false,
    mode: 'open',
    ...more,
  });
  const code = (work: () => unknown): string => {
    try {
      work();
      return 'none';
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : 'other';
    }
  };

  it('is nothing where it runs as wanted', () => {
    expect(planStart(state({ running: true, mode: 'isolated' }), wish('isolated'))).toBeUndefined();
  });

  it('is started again where replay has paused because a setting is too low: it reads its settings only then', () => {
    const paused = state({ running: true, mode: 'isolated', role: 'recovering', pausedBySettings: true });
    expect(planStart(paused, wish('isolated'))?.restart).toBe(true);
    expect(
      planStart(state({ running: true, mode: 'open', pausedBySettings: true }), wish('open')),
    ).toBeUndefined();
  });

  it.each([
    ['no data', state({ data: 'absent' }), 'isolated', 'no-data-directory'],
    ['a member that runs', state({ running: true }), 'isolated', 'postgres-runs-already'],
    [
      'the old data of a member',
      state({ prepared: false, backupLabel: false, signal: 'standby' }),
      'isolated',
      'not-prepared',
    ],
    [
      'a recovery that Patroni has opened',
      state({ prepared: true, opened: true, signal: 'standby' }),
      'isolated',
      'opened-meanwhile',
    ],
    [
      'a recovery that is not promoted',
      state({ running: true, mode: 'isolated', role: 'recovering' }),
      'closed',
      'still-in-recovery',
    ],
    ['a member that runs open', state({ running: true }), 'closed', 'postgres-runs-already'],
  ] as const)('is refused for %s', (_, present, mode, expected) => {
    expect(code(() => planStart(present, wish(mode)))).toBe(expected);
  });

  it('restarts an isolated primary to close it', () => {
    expect(
      planStart(state({ running: true, mode: 'isolated', role: 'primary' }), wish('closed'))?.restart,
    ).toBe(true);
  });

  it('waits for what a killed postmaster has left, in a recovery of its own only', () => {
    const orphans = { running: true, mode: 'isolated', role: 'recovering', processes: [4627] } as const;
    expect(planStart(state({ ...orphans, prepared: true }), wish('isolated'))?.restart).toBe(false);
    const foreign = state({ ...orphans, mode: 'open', prepared: false });
    expect(code(() => planStart(foreign, wish('isolated')))).toBe('not-prepared');
  });

  it('starts a restored backup that was never started', () => {
    expect(planStart(state({ prepared: false, backupLabel: true }), wish('isolated'))?.restart).toBe(false);
  });

  it('foresees what later tasks will find, also of what check mode cannot know', () => {
    const unknown = new Unknown('moved');
    const change = planStart(unknown, wish('isolated'));
    if (change === undefined) throw new Error('a change was expected');
    expect(instanceAfterStart(unknown, change)).toEqual({
      data: 'present',
      running: true,
      mode: 'isolated',
      role: 'recovering',
    });
  });
});

describe('ALTER SYSTEM', () => {
  it.each([
    ['work_mem', '64MB', `alter system set "work_mem" = '64MB'`],
    ['a.b', "it's", `alter system set "a"."b" = 'it''s'`],
    ['x', 'a\\b', `alter system set "x" = E'a\\\\b'`],
    ['x', undefined, 'alter system reset "x"'],
    ['search_path', '"$user", public', `alter system set "search_path" = '$user', 'public'`],
    ['shared_preload_libraries', '', `alter system set "shared_preload_libraries" = ''`],
  ])('%s to %s', (name, text, statement) => {
    expect(alterSystem(name, text)).toBe(statement);
  });

  it('writes only what differs', () => {
    const present = new Map([
      ['a', 'on'],
      ['b', '5'],
      ['c', 'x'],
    ]);
    expect(settingChanges(present, { a: true, b: 6, c: null, d: null })).toEqual([
      { name: 'b', before: '5', after: '6' },
      { name: 'c', before: 'x' },
    ]);
  });

  it('takes lists of names', () => {
    expect(settingText(['pg_stat_statements', 'My Lib'])).toBe('pg_stat_statements, "My Lib"');
  });
});

describe('the answer of a query', () => {
  it('keeps numbers that JavaScript cannot hold', () => {
    const rows = parseRows('[{"b":9007199254740993,"t":"9007199254740993","n":1.5}]', 'json');
    expect(rows).toEqual([{ b: '9007199254740993', t: '9007199254740993', n: 1.5 }]);
  });

  it('of SHOW and EXPLAIN comes as lines', () => {
    expect(rowsStatement('-- why\n show work_mem;').format).toBe('lines');
    expect(rowsStatement('select 1; ').statement).toContain('(\nselect 1\n)');
  });

  it.each([
    [[{ count: 5 }], 5, true],
    [[{ count: 5 }], '5', true],
    [[{ count: 5 }], 6, false],
    [[{ x: 1.5 }], '1.50', true],
    [[{ x: null }], null, true],
    [[{ a: 1, b: 2 }], 1, false],
    [[], 0, false],
    [[], [], true],
    [[{ id: 1 }, { id: 2 }], [1, 2], true],
    [[{ id: 1, s: 'a' }], [{ s: 'a', id: 1 }], true],
    [[{ id: 1, s: 'a' }], [[1, 'a']], true],
    [[{ id: 1, s: 'a' }], [{ id: 1 }], false],
  ])('%j is as expected by %j: %s', (rows, expected, same) => {
    expect(sameValue(rows, expected)).toBe(same);
  });

  it('is one value only where it is one row of one column', () => {
    expect(singleValue([{ a: 1 }])).toBe(1);
    expect(singleValue([{ a: 1, b: 2 }])).toBeUndefined();
  });
});

describe('a statement that failed', () => {
  it('is explained by its state, in any language', () => {
    const failure = sqlFailure('FEHLER:  55P03: storniere Anfrage\nLOCATION:  ProcessInterrupts');
    expect(failure).toMatchObject({ sqlState: '55P03', message: 'the database said no: storniere Anfrage' });
    expect(failure.explanation.join(' ')).toContain('DROP TABLE');
  });

  it('is not taken for one when the connection failed', () => {
    const failure = sqlFailure(
      'psql: error: connection to server on socket "/x" failed: FATAL:  database "y" does not exist',
    );
    expect(failure.sqlState).toBeUndefined();
  });
});
