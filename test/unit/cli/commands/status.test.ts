import { describe, expect, it } from 'vitest';
import { type Archiver, absentNodes, archivingState } from '../../../../cli/commands/status.ts';

describe('pitr status names the nodes that are no members of the cluster', () => {
  it.each([
    ['none where all are', ['db1', 'db2'], ['db1', 'db2'], []],
    ['the one that a recovery has taken out', ['db1'], ['db1', 'db2'], ['db2']],
    ['none where members are not called like their hosts', ['pg1'], ['db1', 'db2'], []],
    ['none where only some nodes were asked', ['db1', 'db2'], ['db1'], []],
  ])('%s', (_, members, asked, absent) => {
    expect(absentNodes(members, asked)).toEqual(absent);
  });
});

describe('pitr status says of archiving', () => {
  const WELL: Archiver = {
    archive_mode: 'on',
    archive_command: 'barman-wal-archive barman db1 %p',
    archive_library: '',
    last_archived_wal: '00000001000000000000000A',
    last_archived_time: '2026-11-22 10:00:00+00',
    seconds_ago: 5,
    failed_count: 0,
    last_failed_wal: null,
    last_failed_time: null,
    tried_well: true,
    ready: 0,
    ready_seconds: null,
  };

  it.each<readonly [Partial<Archiver>, ReturnType<typeof archivingState>]>([
    [{}, { state: 'works' }],
    [{ archive_mode: 'always' }, { state: 'works' }],
    [{ archive_command: '(disabled)', archive_mode: 'off' }, { state: 'off' }],
    [{ archive_command: '' }, { state: 'nothing is archived', why: 'archive_command is empty' }],
    [
      { archive_command: ' /bin/true' },
      { state: 'nothing is archived', why: 'archive_command is "/bin/true"' },
    ],
    [{ archive_command: ':' }, { state: 'nothing is archived', why: 'archive_command is ":"' }],
    [{ archive_command: '', archive_library: 'basic_archive' }, { state: 'works' }],
    [{ tried_well: false, ready: 3, ready_seconds: 900 }, { state: 'fails' }],
    [{ ready: 1, ready_seconds: 2 }, { state: 'works' }],
    [
      { ready: 2, ready_seconds: 900 },
      { state: 'stands still', why: expect.stringMatching(/^2 finished WAL files wait, for 15/) },
    ],
  ])('%j', (archiver, expected) => {
    expect(archivingState({ ...WELL, ...archiver })).toEqual(expected);
  });
});
