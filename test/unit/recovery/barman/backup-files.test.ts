import { describe, expect, it } from 'vitest';
import {
  type BackupFiles,
  backupFilesUnknown,
  backupNotWhole,
  formOf,
} from '../../../../lib/recovery/barman/backup-files.ts';
import {
  type CompleteBackup,
  isComplete,
  isPacked,
  parseBackupInfo,
} from '../../../../lib/recovery/barman/backup-info.ts';
import { fixture } from './fixture.ts';

/** As Barman 3.4 writes it; `size` counts `backup.info` itself while it is still short. */
function backup(more = ''): CompleteBackup {
  const parsed = parseBackupInfo(
    'db1',
    '20261122T190109',
    `begin_time=2026-11-22 19:01:10.271588+00:00
begin_wal=00000001000000000000000A
begin_xlog=0/A000028
end_time=2026-11-22 19:01:31.953121+00:00
end_wal=00000001000000000000000A
end_xlog=0/A2BC3F0
mode=rsync-concurrent
compression=None
size=36213561
status=DONE
timeline=1
${more}`,
  );
  if (!isComplete(parsed)) throw new Error('the fixture is not complete');
  return parsed;
}

const WHOLE: BackupFiles = { missing: [], bytes: 36_212_860, infoBytes: 1327 };
const judge = (found: Partial<BackupFiles>) =>
  backupNotWhole(backup(), { ...WHOLE, ...found }, '/var/lib/barman/db1/base/20261122T190109', 'barman');

describe('the files of a backup on disk', () => {
  it('are all there when they are as many bytes as Barman counted', () => {
    expect(judge({})).toBeUndefined();
  });

  it('may be more bytes than Barman counted: it keeps notes beside them', () => {
    expect(judge({ bytes: WHOLE.bytes + 4096 })).toBeUndefined();
  });

  it('are not all there when a page of a table is gone', () => {
    const refusal = judge({ bytes: WHOLE.bytes - 8192 });
    expect(refusal).toMatchObject({ kind: 'refused', code: 'backup-files-missing', host: 'barman' });
    expect(refusal?.message).toMatch(/7\.4 KiB less than when it was taken/);
  });

  it('are named where nothing can be restored without them', () => {
    expect(judge({ missing: ['PG_VERSION'], bytes: WHOLE.bytes - 3 })?.message).toMatch(
      /PG_VERSION is missing or empty/,
    );
  });

  it("replayed from Debian's Barman 3.20.1: archives, encrypted, cannot be judged by what Barman counted", () => {
    const packed = parseBackupInfo('db1', '20261122T170000', fixture('3.20.1/tar.backup.info'));
    expect(packed).toMatchObject({ compression: 'none', encryption: 'gpg', status: 'DONE' });
    expect(isPacked(packed)).toBe(true);
    expect(formOf(packed)).toBeUndefined();
    // What a real one says of such a backup.
    expect(fixture('3.13.3/recover-of-tar.txt')).toContain('no recovery staging path is provided');
  });

  it.each([
    ['mode=snapshot-gcp', 'a snapshot'],
    ['mode=postgres\nencryption=gpg', 'encrypted'],
  ])('are not known to be there where nobody can look at them: %s', (more, words) => {
    const error = backupFilesUnknown(backup(more), 'barman');
    expect(error).toMatchObject({ kind: 'failed', code: 'backup-files-unknown' });
    expect(error.message).toContain(words);
  });

  it.each([
    ['mode=rsync-concurrent', 'files'],
    ['mode=postgres', 'files'],
    ['mode=postgres\ncompression=gzip', 'archive'],
    // Replayed from Barman 3.9, by its release notes: an archive that is not compressed.
    ['mode=postgres\ncompression=none', 'archive'],
    ['mode=postgres\ncompression=gzip\nencryption=gpg', undefined],
    ['mode=snapshot-gcp', undefined],
  ])('lie on disk as the backup is made (%s): %s', (more, expected) => {
    expect(formOf(backup(more))).toBe(expected);
  });
});
