import { describe, expect, it } from 'vitest';
import { module as recover } from '../../lib/modules/barman/recover.ts';
import { type CompleteBackup, isComplete, parseBackupInfo } from '../../lib/recovery/barman/backup-info.ts';
import { refuseUnmapped } from '../../lib/recovery/barman/restore-refusals.ts';
import { OLDEST_KNOWN } from '../../lib/recovery/barman/version.ts';
import { fixture } from '../unit/recovery/barman/fixture.ts';

const ABSENT = {
  kind: 'absent',
  empty: true,
  running: false,
  started: false,
  names: [],
  tablespacesInUse: [],
} as const;

function backupWith(tablespaces: string): CompleteBackup {
  const text = fixture('backup.info').replace('tablespaces=None', `tablespaces=${tablespaces}`);
  const backup = parseBackupInfo('db1', '20261122T155813', text);
  if (!isComplete(backup)) throw new Error('the backup of the fixture is complete');
  return backup;
}

const wish = (tablespaces: Readonly<Record<string, string>> = {}) =>
  recover.params.parse({
    backup: '20261122T155813',
    node: 'db2',
    remote_ssh: 'ssh -q postgres@db2',
    destination: '/var/lib/postgresql/15/patroni2.pitr',
    tablespaces,
  });

describe('barman.recover', () => {
  it('a backup with tablespaces is refused until each has its place', () => {
    const state = (destination: object = {}) => ({
      destination: { ...ABSENT, ...destination },
      backup: backupWith("[('fast', 16387, '/srv/fast'), ('cold', 16388, '/srv/cold')]"),
      version: OLDEST_KNOWN,
      host: 'db2',
    });
    expect(() => recover.plan(state(), wish())).toThrow(/fast.*cold/);
    expect(() => recover.plan(state(), wish({ fast: '/srv/fast.pitr' }))).toThrow(/cold/);
    const places = { fast: '/srv/fast.pitr', cold: '/srv/cold.pitr' };
    const change = recover.plan(state(), wish(places));
    expect(change?.argv.join(' ')).toContain(
      '--tablespace fast:/srv/fast.pitr --tablespace cold:/srv/cold.pitr',
    );
    const used = { tablespacesInUse: ['/srv/cold.pitr'] };
    expect(() => recover.plan(state(used), wish(places))).toThrow('/srv/cold.pitr');
  });
});

describe('a backup with tablespaces', () => {
  const backup = backupWith("[('fast', 16387, '/srv/fast')]");
  const refusal = (places: Readonly<Record<string, string>> | undefined): unknown => {
    try {
      return refuseUnmapped(backup, places, 'barman');
    } catch (error) {
      return error;
    }
  };

  it('is refused with words that can be typed as they stand', () => {
    expect(refusal({})).toMatchObject({
      kind: 'refused',
      code: 'tablespaces-not-mapped',
      next: [`Give a new place for each: -e '{"tablespaces":{"fast":"/new/place"}}'`],
    });
  });

  it('is taken where each has its place, and where nobody restores it yet', () => {
    expect(refusal({ fast: '/srv/fast.pitr' })).toBeUndefined();
    expect(refusal(undefined)).toBeUndefined();
  });
});
