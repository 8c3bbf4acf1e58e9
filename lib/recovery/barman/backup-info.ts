import { type BackupId, parseBackupId } from '../wal/backup-id.ts';
import type { Instant } from '../wal/instant.ts';
import { type Lsn, parseLsn } from '../wal/lsn.ts';
import { parseInstant } from '../wal/parse-instant.ts';
import {
  DEFAULT_SEGMENT_SIZE,
  parseSegment,
  parseSegmentSize,
  type SegmentSize,
  type WalSegment,
} from '../wal/segment.ts';
import { type TimelineId, timelineId } from '../wal/timeline.ts';

/** A tablespace outside of the data directory. */
interface Tablespace {
  readonly name: string;
  readonly oid: number;
  readonly location: string;
}

/** A base backup as Barman's catalogue has it. What a backup that is not done does not know yet is absent. */
export interface BackupInfo {
  readonly id: BackupId;
  readonly server: string;
  /** `EMPTY`, `STARTED`, `FAILED`, `WAITING_FOR_WALS`, `SYNCING` or `DONE`; `DELETING` where Barman has begun to delete it. */
  readonly status: string;
  /** Why it failed, in Barman's words. */
  readonly error?: string | undefined;
  readonly beginTime?: Instant | undefined;
  readonly endTime?: Instant | undefined;
  readonly beginWal?: WalSegment | undefined;
  readonly endWal?: WalSegment | undefined;
  readonly beginLsn?: Lsn | undefined;
  readonly endLsn?: Lsn | undefined;
  readonly timeline?: TimelineId | undefined;
  readonly systemId?: string | undefined;
  /** As PostgreSQL counts: 150020 is 15.20. */
  readonly version?: number | undefined;
  readonly segmentSize: SegmentSize;
  /** Bytes of the data directory, as restored. */
  readonly size?: number | undefined;
  /** `rsync-concurrent`, `postgres`, `snapshot-…`. */
  readonly mode?: string | undefined;
  /** Of the backup itself: `gzip`, `lz4`, `zstd`; `none` is an archive that is not compressed. Absent where it lies as files. */
  readonly compression?: string | undefined;
  /** Of the backup itself: `gpg`. */
  readonly encryption?: string | undefined;
  readonly pgdata?: string | undefined;
  readonly tablespaces: readonly Tablespace[];
  /** The backup that this one is a difference to (PostgreSQL 17). */
  readonly parent?: string | undefined;
  /** `full` or `standalone` where it is kept against retention policies (`barman keep`). */
  readonly kept?: string | undefined;
  /** The runs that hold it until they are decided on (`barman.keep`); absent where there is none. */
  readonly heldFor?: readonly string[] | undefined;
}

/**
 * Reads a `backup.info` file: `key=value` lines, values written as Python would. Keys of newer versions are passed
 * over. Throws when the id cannot be one.
 */
export function parseBackupInfo(server: string, idText: string, text: string): BackupInfo {
  const id = parseBackupId(idText);
  if (id === undefined) throw new Error(`not a backup id: ${idText}`);
  const values = new Map<string, string>();
  for (const line of text.split('\n')) {
    const at = line.indexOf('=');
    const value = line.slice(at + 1).trim();
    if (at > 0 && value !== '' && value !== 'None') values.set(line.slice(0, at).trim(), value);
  }
  const timeline = number(values.get('timeline'));
  return {
    id,
    server,
    status: values.get('status') ?? 'EMPTY',
    error: values.get('error'),
    beginTime: moment(values.get('begin_time')),
    endTime: moment(values.get('end_time')),
    beginWal: parseSegment(values.get('begin_wal') ?? ''),
    endWal: parseSegment(values.get('end_wal') ?? ''),
    beginLsn: parseLsn(values.get('begin_xlog') ?? ''),
    endLsn: parseLsn(values.get('end_xlog') ?? ''),
    timeline: timeline === undefined || timeline < 1 ? undefined : timelineId(timeline),
    systemId: values.get('systemid'),
    version: number(values.get('version')),
    segmentSize: parseSegmentSize(number(values.get('xlog_segment_size')) ?? 0) ?? DEFAULT_SEGMENT_SIZE,
    size: number(values.get('size')),
    mode: values.get('mode'),
    compression: values.get('compression'),
    encryption: values.get('encryption'),
    pgdata: values.get('pgdata'),
    tablespaces: tablespaces(values.get('tablespaces') ?? ''),
    parent: values.get('parent_backup_id'),
  };
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Times of the catalogue carry their offset since Barman 2; one without is UTC by Barman's own rule of then. */
function moment(text: string | undefined): Instant | undefined {
  if (text === undefined) return undefined;
  const parsed = parseInstant(/[+-]\d{2}:?\d{2}$/.test(text) ? text : `${text}+00`);
  return parsed.ok ? parsed.instant : undefined;
}

const PYTHON_STRING = String.raw`'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"`;
const PYTHON_TABLESPACE = new RegExp(
  String.raw`[([]\s*(?:${PYTHON_STRING})\s*,\s*(\d+)\s*,\s*(?:${PYTHON_STRING})\s*[)\]]`,
  'g',
);

/** `[('fast', 16387, '/srv/fast')]` */
function tablespaces(text: string): readonly Tablespace[] {
  return [...text.matchAll(PYTHON_TABLESPACE)].map((match) => ({
    name: unescaped(match[1] ?? match[2] ?? ''),
    oid: Number(match[3]),
    location: unescaped(match[4] ?? match[5] ?? ''),
  }));
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}

/** A backup that is done, with all that a recovery must know of it. */
export type CompleteBackup = BackupInfo &
  Readonly<
    Required<{
      [K in
        | 'beginTime'
        | 'endTime'
        | 'beginWal'
        | 'endWal'
        | 'beginLsn'
        | 'endLsn'
        | 'timeline']: NonNullable<BackupInfo[K]>;
    }>
  >;

/** Whether a recovery can start from it. */
export function isComplete(backup: BackupInfo): backup is CompleteBackup {
  const { beginTime, endTime, beginWal, endWal, beginLsn, endLsn, timeline } = backup;
  const known = [beginTime, endTime, beginWal, endWal, beginLsn, endLsn, timeline];
  return backup.status === 'DONE' && known.every((value) => value !== undefined);
}

/** Whether it lies in archives, which Barman unpacks on the receiving host: that needs a place for it. */
export function isPacked({
  compression,
  encryption,
}: Pick<BackupInfo, 'compression' | 'encryption'>): boolean {
  return compression !== undefined || encryption !== undefined;
}

/** A backup and those that it is a difference to, down to a whole one; nothing where one of them is not there. */
export function chainOfBackup<B extends BackupInfo>(backup: B, all: readonly B[]): readonly B[] | undefined {
  const chain = [backup];
  for (let { parent } = backup; parent !== undefined; ) {
    const next = all.find(({ id }) => id === parent);
    if (next === undefined || chain.includes(next)) return undefined;
    chain.push(next);
    parent = next.parent;
  }
  return chain;
}
