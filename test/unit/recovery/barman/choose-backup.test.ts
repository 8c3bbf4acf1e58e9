import { describe, expect, it } from 'vitest';
import { PitrError } from '../../../../lib/base/errors/pitr-error.ts';
import { parseReport } from '../../../../lib/contract/script-report.ts';
import { parseArchiveListing } from '../../../../lib/recovery/barman/archive-listing.ts';
import { parseBackupInfo } from '../../../../lib/recovery/barman/backup-info.ts';
import { backupById, usableBackups } from '../../../../lib/recovery/barman/choose-backup.ts';
import { serversThatCount } from '../../../../lib/recovery/barman/counted-servers.ts';
import {
  alternativeTo,
  archivesFor,
  deletedByFirstBackup,
} from '../../../../lib/recovery/barman/recovery-wal.ts';
import { fixture } from './fixture.ts';

const text = fixture('backup.info');
function stock(name: string, backups: readonly [string, string][], systemId?: string) {
  return { name, systemId, backups: backups.map(([id, info]) => parseBackupInfo(name, id, info)) };
}
const done = stock('db1', [
  ['20261122T155813', text],
  ['20261121T155813', text.replace(/end_time=2026-11-22/, 'end_time=2026-11-21')],
]);
const other = stock('x1', [['20261122T100000', text.replace(/systemid=\d+/, 'systemid=42')]], '42');

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof PitrError) return error.code;
    throw error;
  }
  return 'no error';
}

describe('the choice of a backup', () => {
  it('latest is the one that ended last', () => {
    expect(usableBackups('latest', [done], 'barman').map(({ id }) => id)).toEqual([
      '20261122T155813',
      '20261121T155813',
    ]);
  });

  it('latest of two clusters is nobody’s guess', () => {
    expect(codeOf(() => usableBackups('latest', [done, other], 'barman'))).toBe('backup-cluster-ambiguous');
    expect(codeOf(() => usableBackups('latest', [stock('db2', [])], 'barman'))).toBe('backup-none');
  });

  it('after an upgrade is that of the cluster that is there now, though its server still has backups of the old one', () => {
    const upgraded = stock('db1', [
      ['20261122T155813', text],
      ['20261122T100000', text.replace(/systemid=\d+/, 'systemid=42').replaceAll('2026-11-22', '2026-11-23')],
    ]);
    expect(usableBackups('auto', [upgraded], 'barman', '42').map(({ id }) => id)).toEqual([
      '20261122T100000',
    ]);
    const act = () => usableBackups('auto', [upgraded], 'barman');
    expect(codeOf(act)).toBe('backup-cluster-ambiguous');
    try {
      act();
    } catch (error) {
      expect(error).toMatchObject({
        details: [
          'system id 42: the newest is 20261122T100000 of server db1',
          expect.stringContaining('20261122T155813'),
        ],
      });
    }
    expect(() => usableBackups('auto', [upgraded], 'barman', '43')).toThrow('of this cluster (system id 43)');
  });

  it('DONE without what recovery must know is not taken', () => {
    const hollow = stock('db1', [['20261122T155813', 'status=DONE']]);
    expect(codeOf(() => backupById('20261122T155813', [hollow], 'barman'))).toBe('backup-incomplete');
  });

  it.each([
    ['110022', 'postgres-too-old'],
    ['120000', 'no error'],
    ['180001', 'no error'],
  ])('of PostgreSQL %s, named or chosen: %s', (version, code) => {
    const old = stock('db1', [['20261122T155813', text.replace(/^version=\d+/m, `version=${version}`)]]);
    expect(codeOf(() => backupById('20261122T155813', [old], 'barman'))).toBe(code);
    expect(codeOf(() => usableBackups('auto', [old], 'barman'))).toBe(code);
  });

  it('a typing mistake is met with the nearest id', () => {
    const act = () => backupById('20261122T155812', [done], 'barman');
    expect(act).toThrow('did you mean "2026112');
  });

  it('db1 is not db10', () => {
    const ten = stock('db10', []);
    expect(serversThatCount([done, ten], { names: ['db10'], clusters: [] }, 'barman')).toEqual([ten]);
  });
});

describe('archives', () => {
  const empty = { files: [], lost: [], damaged: [], histories: [] };
  it('of other clusters are never searched; those of servers without a backup are', async () => {
    const [backup] = usableBackups('latest', [done], 'barman');
    const servers = [stock('db3', []), other, done];
    const archives = servers.map(({ name }) => ({ server: name, ...empty }));
    expect(archivesFor(backup, servers, archives).map(({ server }) => server)).toEqual(['db1', 'db3']);
    expect(await alternativeTo(backup, servers, archives, { kind: 'latest' })).toBeUndefined();
  });
});

describe('the first backup of a server', () => {
  const { archives } = parseArchiveListing(parseReport(fixture('archives-after-switchover.txt')));
  const fresh = stock('db2', []);
  it('deletes WAL that older backups of the old leader need, and that is said', () => {
    expect(deletedByFirstBackup(fresh, [done, fresh], archives)).toMatchInlineSnapshot(
      `"This is the first backup of server db2: Barman deletes the 4 WAL segments that are archived there, the oldest from 2026-11-22 15:57:21.564909+00. Moments between then and the end of the new backup can no longer be reached from older backups (20261122T155813 of db1, 20261121T155813 of db1)."`,
    );
  });

  it('is nothing to speak of when nobody could need that WAL, or when it is not the first', () => {
    expect(deletedByFirstBackup(fresh, [fresh], archives)).toBeUndefined();
    expect(deletedByFirstBackup(done, [done, fresh], archives)).toBeUndefined();
    expect(deletedByFirstBackup(stock('db4', []), [done], archives)).toBeUndefined();
  });
});
