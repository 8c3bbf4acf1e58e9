import { covers, type Version, type VersionSpan } from '../../base/values/version.ts';

/** The oldest version whose options and files are known here. */
export const OLDEST_KNOWN: Version = 30_400;

/** What is done in one way or another by what `barman --version` says. Sources: Barman's release notes, and its help. */
const BY_VERSION = {
  /**
   * Without `local_staging_path` it refuses a block-level incremental backup, and an encrypted one. Later ones have a default
   * for `staging_path`.
   */
  localStaging: {
    ...{ since: 31_100, until: 31_500 },
    source: 'release notes of 3.11.0, 3.14.0 and 3.15.0; barman/cli.py of 3.14',
  },
  /** `barman recover` refuses a destination that is not empty. */
  emptyDestination: { since: 31_500, source: 'release notes of 3.15.0 (BAR-787)' },
  /**
   * `--staging-path` and `--staging-location`, which is Barman's own host where it is not said. A block-level incremental
   * backup is put together there; remotely, all that it rests on is copied there first.
   */
  stagingLocation: {
    since: 31_500,
    source: 'release notes of 3.15.0 (BAR-570, BAR-764); barman/recovery_executor.py of 3.16',
  },
  /** `--delta-restore` and `--no-delta-restore`. */
  deltaOptions: { since: 31_600, source: 'release notes of 3.16.0; the help of 3.20.1' },
  /** And with it an interrupted copy goes on: what 3.16 had of it did nothing. */
  deltaRestore: { since: 31_700, source: 'release notes of 3.17.0 (BAR-1002)' },
} as const satisfies Readonly<Record<string, VersionSpan>>;

/**
 * What the files tell by themselves, by their place or by a column that older ones lack: both forms are read, and no
 * version is asked for. The oldest known version has none of it.
 */
const BY_FORM = {
  /** `compression=none` in backup.info is an archive of tar: packed, though not compressed. */
  tarBackup: { since: 30_900, source: 'release notes of 3.9.0 (backup_compression = none)' },
  /** `.barman.auto.conf` in barman_home, read last; `model = true` in a section that is no server. */
  autoConfiguration: { since: 31_000, source: 'release notes of 3.10.0 (config-update, config-switch)' },
  /** `parent_backup_id` in backup.info. `barman keep` refuses such a backup: the one that all rests on is kept. */
  incremental: { since: 31_100, source: 'release notes of 3.11.0; the words of 3.13.3' },
  /** The note `delete_this`: Barman has begun to delete that backup. */
  deleteMark: { since: 31_200, source: 'release notes of 3.12.0 (BAR-244)' },
  /** `xlogdb_directory`, and the server's name before `xlog.db`. */
  xlogDbDirectory: { since: 31_300, source: 'release notes of 3.13.0 (BAR-483)' },
  /** `meta/<id>-backup.info`. */
  backupInfoInMeta: { since: 31_302, source: 'release notes of 3.13.2 (BAR-649)' },
  /** Barman's notes of a backup: `meta/<id>-keep` for `base/<id>/annotations/keep`. */
  notesInMeta: { since: 31_303, source: 'release notes of 3.13.3 (BAR-663)' },
  /** `encryption` in backup.info, and a fifth column of xlog.db. */
  encryption: { since: 31_400, source: 'release notes of 3.14.0 (BAR-683)' },
  /** `staging_path` and `staging_location` in the configuration, over `recovery_staging_path`. */
  stagingSettings: { since: 31_500, source: 'release notes of 3.15.0 (BAR-570)' },
  /** `basebackups_directory` and `wals_directory` may be addresses in the storage of a cloud, which are refused. */
  cloudStorage: { since: 31_800, source: 'release notes of 3.18.0' },
} as const satisfies Readonly<Record<string, VersionSpan>>;

/** Versions with which something that a recovery uses does not work. */
const FAULTS = {
  parallelFetch: {
    since: 31_200,
    until: 31_600,
    text: 'its barman-wal-restore fetches nothing in parallel (-p), so that a replay takes long',
    source: 'EnterpriseDB/barman issue 1080, release notes of 3.16.0',
  },
  mountPoint: {
    since: 31_600,
    until: 31_700,
    text: 'it cannot restore onto a mount point, and an interrupted copy starts from its beginning',
    source: 'release notes of 3.17.0 (BAR-975, BAR-1002)',
  },
} as const satisfies Readonly<Record<string, VersionSpan & { readonly text: string }>>;

/** All of it: what differs between 3.4 and 3.2x. */
export const BARMAN_DIFFERENCES: Readonly<Record<string, VersionSpan>> = {
  ...BY_VERSION,
  ...BY_FORM,
  ...FAULTS,
};

/** What is known not to work with a version, in words, and the version that has it mended. */
export function faultsOf(version: Version): readonly { readonly text: string; readonly mended: Version }[] {
  return Object.values(FAULTS)
    .filter((fault) => covers(fault, version))
    .map(({ text, until }) => ({ text, mended: until }));
}

/** How a copy that was interrupted goes on. */
type Continuation =
  /** The same command again: rsync sends what is missing. */
  | 'again'
  /** With `--delta-restore`. */
  | 'delta'
  /** The destination must be emptied first: Barman refuses one that is not. */
  | 'afresh';

/**
 * What `barman recover` can do, by version. (`recover` itself is called `restore` since 3.12 and still answers to its
 * old name in all of them.)
 */
export interface RecoverAbilities {
  readonly continuation: Continuation;
  /** How the place for unpacking a packed backup is named, and whether it must be said on which host that is. */
  readonly staging: '--recovery-staging-path' | '--staging-path with its location';
  /** The configuration may ask for a delta, which has to be said otherwise. */
  readonly deltaOptions: boolean;
}

/** Whether what has to be put together or decrypted needs a place on Barman's own host that is said. */
export function stagesLocally(version: Version): boolean {
  return covers(BY_VERSION.localStaging, version);
}

/** Whether it is said on which host a staging path is. */
export function locatesStaging(version: Version): boolean {
  return covers(BY_VERSION.stagingLocation, version);
}

/** Looks the abilities up. A backup that is unpacked or put together on the receiving host is never restored as a delta. */
export function recoverAbilities(version: Version, packed: boolean): RecoverAbilities {
  const has = (line: keyof typeof BY_VERSION): boolean => covers(BY_VERSION[line], version);
  return {
    continuation: !has('emptyDestination') ? 'again' : has('deltaRestore') && !packed ? 'delta' : 'afresh',
    staging: locatesStaging(version) ? '--staging-path with its location' : '--recovery-staging-path',
    deltaOptions: has('deltaOptions'),
  };
}
