import type { PitrError } from '../../base/errors/pitr-error.ts';
import { OLDEST_RECOVERED } from '../postgres/version.ts';
import { type BackupInfo, type CompleteBackup, isComplete } from './backup-info.ts';
import {
  backupAmbiguous,
  backupIncomplete,
  backupNotDone,
  backupTooOld,
  backupUnknown,
  clusterAmbiguous,
  noBackup,
  type Stock,
} from './refusals.ts';

/**
 * The backup with this id. Throws a refusal when it is unknown, on several servers, or not DONE; where it is on none and
 * may be on a server that could not be read (`unread`), the error of that one.
 */
export function backupById(
  id: string,
  servers: readonly Stock[],
  host: string,
  unread?: PitrError,
): CompleteBackup {
  const found = servers.flatMap(({ backups }) => backups.filter((backup) => backup.id === id));
  const [backup] = found;
  if (backup === undefined) throw unread ?? backupUnknown(id, servers, host);
  if (found.length > 1)
    throw backupAmbiguous(
      id,
      found.map(({ server }) => server),
      host,
    );
  return completed(backup, servers, host);
}

/**
 * All backups that are DONE, the last to end first; with `systemId` those of that cluster alone. Throws a refusal when
 * there is none, or when they belong to different clusters and so "the newest" means nothing. Where there is none and a
 * server could not be read (`unread`), its error.
 */
export function usableBackups(
  wish: string,
  servers: readonly Stock[],
  host: string,
  cluster?: string,
  unread?: PitrError,
): readonly [CompleteBackup, ...CompleteBackup[]] {
  const done = servers
    .flatMap(({ backups }) => backups)
    .filter(isComplete)
    .sort((a, b) => (a.endTime < b.endTime ? 1 : -1));
  const usable = done.filter(({ systemId = cluster }) => cluster === undefined || systemId === cluster);
  const [newest, ...older] = usable;
  if (newest === undefined) throw unread ?? noBackup(servers, host, done.length === 0 ? undefined : cluster);
  const newestOfEach = usable.filter(
    (backup) => usable.find(({ systemId }) => systemId === backup.systemId) === backup,
  );
  if (newestOfEach.length > 1) throw clusterAmbiguous(newestOfEach, wish, host);
  refuseTooOld(newest, host);
  return [newest, ...older];
}

function refuseTooOld(backup: CompleteBackup, host: string): void {
  const major = backup.version === undefined ? undefined : Math.floor(backup.version / 10_000);
  if (major !== undefined && major < OLDEST_RECOVERED) throw backupTooOld(backup.id, major, host);
}

function completed(backup: BackupInfo, servers: readonly Stock[], host: string): CompleteBackup {
  if (isComplete(backup)) {
    refuseTooOld(backup, host);
    return backup;
  }
  const refusal: PitrError =
    backup.status === 'DONE' ? backupIncomplete(backup, host) : backupNotDone(backup, servers, host);
  throw refusal;
}
