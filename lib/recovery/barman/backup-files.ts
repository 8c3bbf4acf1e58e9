import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatBytes } from '../../base/values/bytes.ts';
import { type BackupInfo, isPacked } from './backup-info.ts';

/** What lies on disk of a backup. */
export interface BackupFiles {
  /** Files without which nothing can be restored, and that are not there or empty. */
  readonly missing: readonly string[];
  /** Of all its files but its description, together. */
  readonly bytes: number;
  /** Of its description, `backup.info`, which Barman counts when it is half written. */
  readonly infoBytes: number;
}

/** Whether a backup lies on disk as plain files, one for each of the data directory. */
export function liesAsFiles(backup: BackupInfo): boolean {
  return backup.mode !== undefined && /^(rsync|postgres)/.test(backup.mode) && !isPacked(backup);
}

/**
 * Why a backup cannot be whole, or nothing. Barman adds up the sizes of its files at the end of a backup; fewer bytes
 * now mean that files were lost or cut off. A restore would not notice: replay makes a missing table file anew, with
 * nothing in it but what was written since.
 */
export function backupNotWhole(
  backup: BackupInfo,
  { missing, bytes, infoBytes }: BackupFiles,
  directory: string,
  host: string,
): PitrError | undefined {
  const lost = (backup.size ?? 0) - bytes - infoBytes;
  if (missing.length === 0 && lost <= 0) return undefined;
  return new PitrError({
    kind: 'refused',
    code: 'backup-files-missing',
    message:
      missing.length > 0
        ? `backup ${backup.id} of server ${backup.server} is not whole: ${missing.join(', ')} is missing or empty`
        : `backup ${backup.id} of server ${backup.server} is not whole: its files are ${formatBytes(lost)} less than when it was taken`,
    details: [
      `It lies in ${directory}; it had ${backup.size ?? '?'} bytes when it was taken, and has ${bytes} now.`,
      'Rows would be missing after a recovery from it.',
    ],
    host,
    next: ['Choose another backup: pitr backups', `Take a new one: barman backup ${backup.server}`],
  });
}

/** A backup that is a difference to others, of which one cannot be used: `why` is the rest of a sentence about that one. */
export function backupWithout(
  { id, server }: BackupInfo,
  other: string,
  why: string,
  host: string,
): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'backup-files-missing',
    message: `backup ${id} of server ${server} cannot be restored: it is a difference to ${other}, which ${why}`,
    host,
    next: ['Choose another backup: pitr backups', `Take a new one: barman backup ${server}`],
  });
}
