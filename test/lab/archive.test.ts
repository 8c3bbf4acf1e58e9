import { describe, expect, it } from 'vitest';
import { parseBackups, parseChecks } from '../../lab/archive.ts';

describe("Barman's answers", () => {
  it('give finished backups only, oldest first, over all servers', () => {
    const backup = (backup_id: string, status: string, end_time_timestamp?: string) => ({
      backup_id,
      status,
      end_time_timestamp,
    });
    const json = JSON.stringify({
      db1: [backup('20260103T100000', 'DONE', '1767434410'), backup('20260101T100000', 'DONE', '1767261610')],
      db2: [backup('20260102T100000', 'DONE', '1767348010'), backup('20260104T100000', 'FAILED')],
      db3: [],
    });
    expect(parseBackups(json).map(({ id, server }) => `${server} ${id}`)).toEqual([
      'db1 20260101T100000',
      'db2 20260102T100000',
      'db1 20260103T100000',
    ]);
  });

  it('give the failed checks of every server', () => {
    const ok = { status: 'OK', hint: '' };
    const json = JSON.stringify({
      db1: { ssh: ok, wal_archive: ok },
      db2: { ssh: ok, wal_archive: { status: 'FAILED', hint: 'please make sure WAL shipping is setup' } },
    });
    expect(parseChecks(json)).toEqual({ db1: [], db2: ['wal_archive'] });
  });
});
