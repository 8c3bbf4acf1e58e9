import { PitrError } from '../../base/errors/pitr-error.ts';
import { postgresAbilities } from './version.ts';

/** The longest path of a Unix socket (`sun_path` of Linux, with its closing NUL). */
const SOCKET_PATH_BYTES = 107;

/** What an isolated instance keeps beside its data directory; only its operating system user may enter. */
export interface RunFiles {
  readonly directory: string;
  readonly log: string;
  /** The log of the start before this one. */
  readonly previousLog: string;
  readonly hba: string;
  readonly socketDirectory: string;
}

/** Beside the data directory, never in it: what lies inside goes into every backup and every replica. */
export function runFiles(pgdata: string, socketDirectory?: string): RunFiles {
  const directory = `${pgdata}.pitr-run`;
  return {
    directory,
    log: `${directory}/postgresql.log`,
    previousLog: `${directory}/postgresql.log.previous`,
    hba: `${directory}/pg_hba.conf`,
    socketDirectory: socketDirectory ?? directory,
  };
}

/**
 * Those of an instance that was started with these settings: an isolated one has its socket where it had it, though a directory
 * below /run may be gone since. The directory of any other is shared, and stays as it is.
 */
export function runFilesOf(
  pgdata: string,
  startedWith: readonly (readonly [name: string, value: string])[],
): RunFiles {
  const settings = new Map(startedWith);
  const isolated = settings.get('listen_addresses') === '';
  return runFiles(pgdata, isolated ? settings.get('unix_socket_directories') : undefined);
}

/** Throws kind `validation` where the path of a socket in this directory would be too long for the system. */
export function checkSocketPath(directory: string): void {
  const longest = Buffer.byteLength(`${directory}/.s.PGSQL.65535.lock`);
  if (longest <= SOCKET_PATH_BYTES) return;
  throw new PitrError({
    kind: 'validation',
    code: 'socket-path-too-long',
    message: `the path of the socket would be too long: ${directory} (${longest} bytes, at most ${SOCKET_PATH_BYTES})`,
    next: ['Give a shorter directory that only the PostgreSQL user may enter (socket_dir).'],
  });
}

/**
 * The settings of an isolated instance, for its command line: they win over every file and are gone with the next
 * plain start. Nobody gets in, nothing gets out, the log is in English and in one place.
 */
export function isolationSettings(
  files: RunFiles,
  version: number,
  more: Readonly<Record<string, string>> = {},
): readonly (readonly [name: string, value: string])[] {
  const { archiveLibrary, promoteTriggerFile } = postgresAbilities(version);
  return [
    ['listen_addresses', ''],
    ['unix_socket_directories', guc(files.socketDirectory)],
    ['unix_socket_permissions', '0700'],
    ['hba_file', files.hba],
    ['ssl', 'off'],
    // Not archive_mode=off: the history file of the new timeline and the segments after it must stay marked as
    // "to be archived". An empty command does that without a failed try each second, and without delaying a stop.
    ['archive_command', ''],
    ...(archiveLibrary ? ([['archive_library', '']] as const) : []),
    ...(promoteTriggerFile ? ([['promote_trigger_file', '']] as const) : []),
    ['hot_standby', 'on'],
    ['primary_conninfo', ''],
    ['primary_slot_name', ''],
    ['recovery_min_apply_delay', '0'],
    // Subscriptions of the restored past would connect to their publishers and move the slots there.
    ['max_logical_replication_workers', '0'],
    ['wal_retrieve_retry_interval', '1s'],
    ['logging_collector', 'off'],
    ['log_destination', 'stderr'],
    ['log_line_prefix', '%m [%p] '],
    ['log_min_messages', 'warning'],
    ['log_error_verbosity', 'default'],
    ['lc_messages', 'C'],
    ...Object.entries(more),
  ];
}

/** A path as one element of a list setting. */
function guc(path: string): string {
  return /^[\w/.-]+$/.test(path) ? path : `"${path.replaceAll('"', '""')}"`;
}
