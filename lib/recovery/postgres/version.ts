/** What differs between the versions of PostgreSQL, as far as a recovery is run differently for it. */
export interface PostgresAbilities {
  /** `archive_library`, which would go on archiving where `archive_command` is empty. */
  readonly archiveLibrary: boolean;
  /** `pg_get_wal_replay_pause_state()`: a pause that was only asked for is told from one that has begun. */
  readonly pauseState: boolean;
}

/** The first major version whose recovery is configured in postgresql.auto.conf: recovery.conf ended with version 11. */
export const OLDEST_RECOVERED = 12;

/** From which major version on (release notes of PostgreSQL 14 and 15). */
const SINCE: Readonly<Record<keyof PostgresAbilities, number>> = { archiveLibrary: 15, pauseState: 14 };

/** Looks the abilities of a major version up. */
export function postgresAbilities(major: number): PostgresAbilities {
  return { archiveLibrary: major >= SINCE.archiveLibrary, pauseState: major >= SINCE.pauseState };
}
