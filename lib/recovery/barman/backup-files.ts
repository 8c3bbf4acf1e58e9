import { PitrError } from '../../base/errors/pitr-error.ts';
import { formatBytes } from '../../base/values/bytes.ts';
import type { BackupInfo } from './backup-info.ts';

/** What lies on disk of a backup. */
export interface BackupFiles {
  /** Files without which nothing can be restored, and that are not there or empty. */
  readonly missing: readonly string[];
  /** Of all its files but its description, together. */
  readonly bytes: number;
  /** Of its description, `backup.info`, which Barman counts when it is half written. */
  readonly infoBytes: number;
}

/**
 * How a backup lies on disk: as plain files, one for each of the data directory, or as an archive of them. Undefined where its
 * files cannot be judged: a snapshot has none here, and Barman may have counted an encrypted one before it was encrypted.
 */
export function formOf({ mode, compression, encryption }: BackupInfo): 'files' | 'archive' | undefined {
  if (mode === undefined || !/^(rsync|postgres)/.test(mode) || encryption !== undefined) return undefined;
  return compression === undefined ? 'files' : 'archive';
}

/** Nobody could look whether a backup has all its files. */
export function backupFilesUnknown({ id, server, mode }: BackupInfo, host: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'backup-files-unknown',
    message: `cannot tell whether the files of backup ${id} of server ${server} are all there: it is ${mode?.startsWith('snapshot') === true ? 'a snapshot' : 'encrypted, or of a kind that pitr does not know'}`,
    host,
    next: ['Try a recovery of it: nothing else proves that it can be restored.'],
  });
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
