import { type Lsn, parseLsn } from '../wal/lsn.ts';
import { parseSegmentSize, type SegmentSize } from '../wal/segment.ts';
import { type TimelineId, timelineId } from '../wal/timeline.ts';

/** What `pg_controldata` tells of a data directory, as far as a recovery needs it. */
export interface ControlData {
  /** The database system identifier: 19 or 20 digits, too many for a number. */
  readonly systemId: string;
  /** PostgreSQL's own words: `in production`, `shut down in recovery`. */
  readonly state: string;
  /** Of the latest checkpoint: after a promotion it changes only with the next checkpoint. */
  readonly timeline: TimelineId;
  readonly checkpointLsn: Lsn;
  readonly redoLsn: Lsn;
  /** Recovery must pass it before anybody may connect; zero when none is needed. */
  readonly minimumRecoveryLsn: Lsn;
  readonly segmentSize: SegmentSize;
  readonly checksums: boolean;
  /** Settings that a hot standby must not undercut: `max_connections` and its kin. */
  readonly settings: Readonly<Record<string, number>>;
}

/** `_setting`s that a standby must have at least as high as the primary had. */
const AT_LEAST: Readonly<Record<string, string>> = {
  'max_connections setting': 'max_connections',
  'max_worker_processes setting': 'max_worker_processes',
  'max_wal_senders setting': 'max_wal_senders',
  'max_prepared_xacts setting': 'max_prepared_transactions',
  'max_locks_per_xact setting': 'max_locks_per_transaction',
};

/** The names of those settings. */
export const SETTINGS_OF_PRIMARY: ReadonlySet<string> = new Set(Object.values(AT_LEAST));

/** Reads the output of `pg_controldata` (English: run it with `LC_ALL=C`). Throws where a needed line is missing. */
export function parseControlData(text: string): ControlData {
  const lines = new Map<string, string>();
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) lines.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const line = (name: string): string => {
    const value = lines.get(name);
    if (value === undefined || value === '') throw new Error(`pg_controldata does not tell "${name}"`);
    return value;
  };
  const position = (name: string): Lsn => {
    const lsn = parseLsn(line(name));
    if (lsn === undefined) throw new Error(`pg_controldata: "${name}" is no WAL position: ${line(name)}`);
    return lsn;
  };
  const segmentSize = parseSegmentSize(Number(line('Bytes per WAL segment')));
  if (segmentSize === undefined) throw new Error(`no WAL segment size: ${line('Bytes per WAL segment')}`);
  const settings: Record<string, number> = {};
  for (const [label, name] of Object.entries(AT_LEAST)) {
    const value = lines.get(label);
    if (value !== undefined) settings[name] = Number(value);
  }
  return {
    systemId: line('Database system identifier'),
    state: line('Database cluster state'),
    timeline: timelineId(Number(line("Latest checkpoint's TimeLineID"))),
    checkpointLsn: position('Latest checkpoint location'),
    redoLsn: position("Latest checkpoint's REDO location"),
    minimumRecoveryLsn: position('Minimum recovery ending location'),
    segmentSize,
    checksums: Number(lines.get('Data page checksum version') ?? 0) > 0,
    settings,
  };
}

/** What an instance does, or did when it ended, by the state in its control file. */
export type InstanceRole = 'primary' | 'recovering';

/** `in production` and `shut down` are a primary's; every state of recovery is a standby's or a restore's. */
export function roleOf(controlState: string): InstanceRole {
  return /recovery/.test(controlState) && controlState !== 'in crash recovery' ? 'recovering' : 'primary';
}
