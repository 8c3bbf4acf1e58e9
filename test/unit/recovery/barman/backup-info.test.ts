import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isComplete, parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { backupResult } from '../../../../lib/recovery/barman/backup-result.ts';
import { fixture } from './fixture.ts';

const ID = '20261122T155813';

describe('a backup.info', () => {
  it('of a backup that is DONE tells all that recovery must know', () => {
    const backup = parseBackupInfo('db1', ID, fixture('backup.info'));
    if (!isComplete(backup)) throw new Error('it is DONE');
    expect(backupResult(backup)).toMatchInlineSnapshot(`
      {
        "begin_lsn": "0/8000028",
        "begin_time": "2026-11-22 15:58:13.972388+00",
        "begin_wal": "000000010000000000000008",
        "compression": undefined,
        "end_lsn": "0/8000138",
        "end_time": "2026-11-22 15:58:17.456449+00",
        "end_wal": "000000010000000000000008",
        "id": "20261122T155813",
        "mode": "rsync-concurrent",
        "packed": false,
        "parent": undefined,
        "pgdata": "/var/lib/postgresql/15/patroni1",
        "postgresql_major": 15,
        "postgresql_version": 150020,
        "segment_size": 16777216,
        "server": "db1",
        "size_bytes": 36008761,
        "status": "DONE",
        "system_id": "7711025476061405298",
        "tablespaces": [],
        "timeline": 1,
      }
    `);
  });

  it('of a backup that has only begun is not complete', () => {
    const begun = parseBackupInfo(
      'db1',
      ID,
      'status=STARTED\nbegin_time=2026-11-22 15:58:13.972388+00:00\nend_time=None\ntimeline=None\n',
    );
    expect(begun).toMatchObject({ status: 'STARTED', endTime: undefined, timeline: undefined });
    expect(isComplete(begun)).toBe(false);
    expect(parseBackupInfo('db1', ID, '').status).toBe('EMPTY');
  });

  it('keeps the reason of a failure, and what newer versions add does not disturb', () => {
    const failed = parseBackupInfo(
      'db1',
      ID,
      'status=FAILED\nerror=failure copying (a=b)\nencryption=gpg\nchildren_backup_ids=None\n',
    );
    expect(failed).toMatchObject({ status: 'FAILED', error: 'failure copying (a=b)' });
  });

  it.each([
    ["[('fast', 16387, '/srv/fast')]", [{ name: 'fast', oid: 16387, location: '/srv/fast' }]],
    [
      `[("it's", 1, '/a b'), ('x\\\\y', 2, "/it's")]`,
      [
        { name: "it's", oid: 1, location: '/a b' },
        { name: 'x\\y', oid: 2, location: "/it's" },
      ],
    ],
    ['None', []],
  ])('tablespaces %s are read as Python wrote them', (text, expected) => {
    expect(parseBackupInfo('db1', ID, `tablespaces=${text}`).tablespaces).toEqual(expected);
  });

  it('segment sizes other than 16 MiB are known', () => {
    expect(parseBackupInfo('db1', ID, 'xlog_segment_size=67108864').segmentSize).toBe(64 * 1024 * 1024);
  });

  it('any text is read, and only a wrong id is refused', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseBackupInfo('db1', ID, text)));
    expect(() => parseBackupInfo('db1', '../../etc', '')).toThrow('not a backup id');
  });
});
