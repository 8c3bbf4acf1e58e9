import { covers, parseVersion, type VersionSpan } from '../../base/values/version.ts';

/** What is done in one way or another by the version that a Patroni tells of itself (`GET /patroni`). */
const BY_VERSION = {
  /** `patronictl reinit --from-leader`: never a copy of another member (tag `clonefrom`), nor by another method. */
  reinitFromLeader: { since: 40_100, source: 'release notes of 4.1.0; the code of 4.1.5' },
} as const satisfies Readonly<Record<string, VersionSpan>>;

/** What the answers tell by themselves, in words or keys of their own: each is read, and no version is asked for. */
const BY_FORM = {
  /** The leader's role in GET /patroni and in the DCS. */
  master: { until: 40_000, source: 'release notes of 4.0.0' },
  primary: { since: 40_000, source: 'release notes of 4.0.0' },
  /** A good replica's state in GET /cluster and in the list, `running` before. */
  streaming: { since: 30_004, source: 'release notes of 3.0.4' },
  inArchiveRecovery: { since: 30_004, source: 'release notes of 3.0.4' },
  quorumStandby: { since: 40_000, source: 'release notes of 4.0.0' },
  /** `Lag in MB` in the list; since then a lag of what was received, and one of what was replayed. */
  lagInMb: { until: 40_100, source: 'the code of 4.0.7 and of 4.1.5' },
  twoLags: { since: 40_100, source: 'release notes of 4.1.0; the code of 4.1.5' },
  /** `show-config` says nothing, and ends well, where the DCS has no configuration; 3.0.2 ends with an error of Python. */
  silentShowConfig: { since: 40_000, source: 'the code of 3.0.2 and of 4.0.7' },
} as const satisfies Readonly<Record<string, VersionSpan>>;

/** All of it: what differs between 2.1 and 4.1. */
export const PATRONI_DIFFERENCES: Readonly<Record<string, VersionSpan>> = { ...BY_VERSION, ...BY_FORM };

/** What a member is, in one set of words for all versions of Patroni (`master` and `primary` are `leader`). */
export type MemberRole =
  | 'leader'
  | 'standby_leader'
  | 'sync_standby'
  | 'quorum_standby'
  | 'replica'
  | 'unknown';

/** The words for roles of any version, as `parseRole` spells them. */
export const ROLE_WORDS: Readonly<Record<string, MemberRole>> = {
  master: 'leader',
  primary: 'leader',
  leader: 'leader',
  standby_leader: 'standby_leader',
  sync_standby: 'sync_standby',
  quorum_standby: 'quorum_standby',
  replica: 'replica',
};

/** The words for a PostgreSQL that is up. */
export const UP_WORDS: ReadonlySet<string> = new Set(['running', 'streaming', 'in archive recovery']);

/** The columns of the list that tell a lag in megabytes, the one to be believed first. */
export const LAG_COLUMNS = ['Lag in MB', 'Replay Lag', 'Receive Lag'] as const;

export interface PatroniAbilities {
  readonly reinitFromLeader: boolean;
}

/** Looks the abilities up of what a Patroni has said of its version. One that says none has what all have. */
export function patroniAbilities(said: string | undefined): PatroniAbilities {
  const version = parseVersion(said ?? '');
  return {
    reinitFromLeader: version !== undefined && covers(BY_VERSION.reinitFromLeader, version),
  };
}
