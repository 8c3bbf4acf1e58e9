import { PitrError } from '../../base/errors/pitr-error.ts';
import { covers, type VersionSpan } from '../../base/values/version.ts';
import { quote } from '../../transport/quote.ts';

/** The first major version whose recovery is configured in postgresql.auto.conf: recovery.conf ended with version 11. */
export const OLDEST_RECOVERED = 12;

/** What a recovery does in one way or another, by the major version in PG_VERSION. */
const BY_VERSION = {
  /** `archive_library`, which would go on archiving where `archive_command` is empty. */
  archiveLibrary: { since: 15, source: 'release notes of PostgreSQL 15' },
  /** `pg_get_wal_replay_pause_state()`: a pause that was only asked for is told from one that has begun. */
  pauseState: { since: 14, source: 'release notes of PostgreSQL 14' },
  /** Who stands paused at a target ends that by a promotion; before, only by going on, and it is not called the end. */
  promotesWhilePaused: { since: 13, source: 'xlog.c of PostgreSQL 12 and 13' },
  /** `promote_trigger_file`: where it lies there, what recovers is promoted. Later versions do not start with it. */
  promoteTriggerFile: { until: 16, source: 'release notes of PostgreSQL 16' },
} as const satisfies Readonly<Record<string, VersionSpan>>;

/** What the answers tell by themselves. The form of WAL is another such table: lib/recovery/wal/records/version.ts. */
const BY_FORM = {
  /** What keeps a hot standby down is FATAL, and names the one setting. */
  lowerSettingNamed: { until: 14, source: 'xlog.c of PostgreSQL 12 and 13' },
  /** It is a pause first, and names the settings below. */
  lowerSettingsPause: { since: 14, source: 'release notes of PostgreSQL 14' },
  /** A target that is not reached by `recovery.signal` ends the server; up to 12 it is promoted, and that is seen. */
  missedTargetEnds: { since: 13, source: 'release notes of PostgreSQL 13' },
  /** `backup_manifest`, by which a packed backup is counted. */
  backupManifest: { since: 13, source: 'release notes of PostgreSQL 13' },
} as const satisfies Readonly<Record<string, VersionSpan>>;

/** All of it: what differs between 12 and 18. */
export const POSTGRES_DIFFERENCES: Readonly<Record<string, VersionSpan>> = { ...BY_VERSION, ...BY_FORM };

/** How PostgreSQL says that a setting is lower than on the primary that wrote the WAL: 12 and 13 name it at once. */
export const LOWER_SETTING =
  /because of insufficient parameter settings|is a lower setting than on the (?:master|primary) server/;

export type PostgresAbilities = Readonly<Record<keyof typeof BY_VERSION, boolean>>;

/** Looks the abilities of a major version up. */
export function postgresAbilities(major: number): PostgresAbilities {
  return {
    archiveLibrary: covers(BY_VERSION.archiveLibrary, major),
    pauseState: covers(BY_VERSION.pauseState, major),
    promotesWhilePaused: covers(BY_VERSION.promotesWhilePaused, major),
    promoteTriggerFile: covers(BY_VERSION.promoteTriggerFile, major),
  };
}

/** `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`; others name themselves there; of a version to come `19devel`. */
const SAID = /^\S+ \([^)]+\) ((\d+)[\w.]*)/;

/** What a program of PostgreSQL says to `--version`; undefined where it does not say of which one it is. */
export function parseVersion(said: string): { readonly version: string; readonly major: number } | undefined {
  const [, version, major] = SAID.exec(said) ?? [];
  return version === undefined ? undefined : { version, major: Number(major) };
}

/** From which major version on `archive_library` can be asked for. */
export const ARCHIVE_LIBRARY_SINCE = BY_VERSION.archiveLibrary.since;

/** The major version of data. Throws kind `refused` (`data-version-unknown`) where it is not told. */
export function majorOfData(version: number | undefined, pgdata: string, host: string): number {
  if (version !== undefined) return version;
  throw new PitrError({
    kind: 'refused',
    code: 'data-version-unknown',
    message: `cannot tell of which version of PostgreSQL the data in ${pgdata} is`,
    details: ['How it is kept from archiving, and from being promoted, depends on that.'],
    host,
    state: 'Nothing was stopped, and nothing was started.',
    next: [`See whether it is a data directory, and whole: cat ${quote(`${pgdata}/PG_VERSION`)}`],
  });
}
