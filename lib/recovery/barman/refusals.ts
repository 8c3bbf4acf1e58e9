import { didYouMean } from '../../base/errors/nearest.ts';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { OLDEST_RECOVERED } from '../postgres/version.ts';
import { formatInstant } from '../wal/instant.ts';
import type { BackupInfo } from './backup-info.ts';

/** A server and its backups, as far as messages need them. */
export interface Stock {
  readonly name: string;
  readonly systemId?: string | undefined;
  readonly backups: readonly BackupInfo[];
}

const SHOW_ALL = 'pitr backups';

/** `db1  20261122T150931  DONE  ended 2026-11-22 15:09:35.285869+00` for every backup, newest first. */
function backupLines(servers: readonly Stock[], most = 5): readonly string[] {
  return servers.flatMap(({ name, backups }) => {
    if (backups.length === 0) return [`${name}  (no backups)`];
    const lines = backups.slice(0, most).map((backup) => {
      const ended = backup.endTime === undefined ? '' : `  ended ${formatInstant(backup.endTime)}`;
      return `${name}  ${backup.id}  ${backup.status}${ended}`;
    });
    return backups.length > most ? [...lines, `${name}  and ${backups.length - most} older ones`] : lines;
  });
}

export function serverUnknown(name: string, known: readonly string[], host: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'barman-server-unknown',
    message: `Barman has no server "${name}"${didYouMean(name, known)}`,
    details: [known.length === 0 ? 'No server is configured.' : `Servers: ${known.join(', ')}`],
    host,
    next: [
      'Correct the name (param server, variable barman_servers), or leave it out to search all servers.',
    ],
  });
}

export function backupUnknown(id: string, servers: readonly Stock[], host: string): PitrError {
  const [only] = servers;
  const where = servers.length === 1 && only !== undefined ? `server: ${only.name}` : 'any server';
  const ids = servers.flatMap(({ backups }) => backups.map((backup) => backup.id));
  return new PitrError({
    kind: 'refused',
    code: 'backup-unknown',
    message: `Backup ${id} not found on ${where}${didYouMean(id, ids)}`,
    details: ['Barman answered, and has these:', ...backupLines(servers)],
    host,
    next: [`List all backups: ${SHOW_ALL}`],
  });
}

export function backupTooOld(id: string, major: number, host: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'postgres-too-old',
    message: `Backup ${id} is of PostgreSQL ${major}, and a recovery needs ${OLDEST_RECOVERED} or later`,
    details: [
      `Up to version 11 recovery is configured in recovery.conf; PostgreSQL ${major} would ignore all that is written for it here.`,
    ],
    host,
    next: ['Recover it with Barman itself: barman recover --help'],
  });
}

export function noBackup(servers: readonly Stock[], host: string, cluster?: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'backup-none',
    message: `No backup ${cluster === undefined ? '' : `of this cluster (system id ${cluster}) `}is DONE, so there is nothing to recover from`,
    details: ['Barman answered, and has these:', ...backupLines(servers)],
    host,
    next: ['Take one on the leader: pitr play backup.yml', `List all backups: ${SHOW_ALL}`],
  });
}

export function backupAmbiguous(id: string, servers: readonly string[], host: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'backup-ambiguous',
    message: `Backup ${id} exists on several servers: ${servers.join(', ')}`,
    host,
    next: servers.map((server) => `If it is that of ${server}, say so: server: ${server}`),
  });
}

/** `newest`: that of each cluster. */
export function clusterAmbiguous(newest: readonly BackupInfo[], id: string, host: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'backup-cluster-ambiguous',
    message: `"${id}" could be a backup of more than one cluster`,
    details: newest.map(
      ({ server, systemId, ...backup }) =>
        `system id ${systemId ?? 'not known'}: the newest is ${backup.id} of server ${server}`,
    ),
    host,
    next: [
      'Name the backup, by the system id that pg_controldata shows on a node: backup=<id>',
      'Or name the servers of the cluster (variable barman_servers), or one of them (server), where each has its own.',
    ],
  });
}

const WAYS_ON: Readonly<Record<string, string>> = {
  STARTED: 'It is being taken, or was interrupted: wait until it is DONE, or take another one.',
  WAITING_FOR_WALS: 'WAL that it needs is not archived yet: see that archiving works, then run: barman cron',
  SYNCING: 'It is being copied from another Barman: wait until it is DONE.',
  FAILED: 'It can never be used: choose another one.',
  DELETING: 'Barman has begun to delete it, and goes on with that at its next cron: choose another one.',
};

export function backupNotDone(backup: BackupInfo, servers: readonly Stock[], host: string): PitrError {
  const usable = servers.map((stock) => ({
    ...stock,
    backups: stock.backups.filter((b) => b.status === 'DONE'),
  }));
  return new PitrError({
    kind: 'refused',
    code: 'backup-not-done',
    message: `Backup ${backup.id} on server ${backup.server} cannot be used: its status is ${backup.status}, not DONE`,
    details: [
      ...(backup.error === undefined ? [] : [`Barman says: ${backup.error}`]),
      'These are DONE:',
      ...backupLines(usable),
    ],
    host,
    next: [WAYS_ON[backup.status] ?? 'Choose one that is DONE.', `List all backups: ${SHOW_ALL}`],
  });
}

/** DONE, and yet its description lacks what a recovery must know. */
export function backupIncomplete(backup: BackupInfo, host: string): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'backup-incomplete',
    message: `the description of backup ${backup.id} on server ${backup.server} lacks its begin, end or timeline`,
    host,
    next: [`Look at it on ${host}: barman show-backup ${backup.server} ${backup.id}`],
  });
}
