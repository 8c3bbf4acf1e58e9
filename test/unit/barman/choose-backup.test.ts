import { describe, expect, it } from 'vitest';
import { parseBackupInfo } from '../../../lib/barman/backup-info.ts';
import { backupById, usableBackups } from '../../../lib/barman/choose-backup.ts';
import { alternativeTo, archivesFor, wantedServers } from '../../../lib/barman/recovery-wal.ts';
import { PitrError } from '../../../lib/errors/pitr-error.ts';
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

  it('DONE without what recovery must know is not taken', () => {
    const hollow = stock('db1', [['20261122T155813', 'status=DONE']]);
    expect(codeOf(() => backupById('20261122T155813', [hollow], 'barman'))).toBe('backup-incomplete');
  });

  it('a typing mistake is met with the nearest id', () => {
    const act = () => backupById('20261122T155812', [done], 'barman');
    expect(act).toThrow('did you mean "2026112');
  });

  it('db1 is not db10', () => {
    const ten = stock('db10', []);
    expect(wantedServers([done, ten], ['db10'], 'barman')).toEqual([ten]);
  });
});

describe('archives', () => {
  const empty = { files: [], lost: [], histories: [] };
  it('of other clusters are never searched; those of servers without a backup are', () => {
    const [backup] = usableBackups('latest', [done], 'barman');
    const servers = [stock('db3', []), other, done];
    const archives = servers.map(({ name }) => ({ server: name, ...empty }));
    expect(archivesFor(backup, servers, archives).map(({ server }) => server)).toEqual(['db1', 'db3']);
    expect(alternativeTo(backup, servers, archives, { kind: 'latest' })).toBeUndefined();
  });
});
