import { earliest, type Instant } from './instant.ts';
import { fitsSize, type SegmentSize, segmentNumber, timelineOf, type WalSegment } from './segment.ts';
import { sameHistory, type TimelineHistory, type TimelineId } from './timeline.ts';

/** A segment's file that lies on disk in a server's archive. */
export interface ArchivedFile {
  readonly segment: WalSegment;
  /** Only the beginning of the segment: `.partial`. */
  readonly partial: boolean;
  /** When the last byte was written on the database node: no commit in it is later. */
  readonly time: Instant;
  /** Bytes on disk. */
  readonly size: number;
  /** Known to be stored compressed (its size then says nothing), or known not to be. */
  readonly compressed?: boolean | undefined;
  /** Why it cannot be unpacked, where that was tried and failed. */
  readonly broken?: string | undefined;
}

/** A `.history` file of a server's archive. */
export interface ArchivedHistory {
  readonly history: TimelineHistory;
  /** When it was written: the moment of the promotion. */
  readonly time: Instant;
  /** The file, unpacked. */
  readonly bytes: Uint8Array;
}

/** A `.history` file that lies in an archive and cannot be believed. */
export interface DamagedHistory {
  readonly timeline: TimelineId;
  /** Where it lies on Barman's host. */
  readonly path: string;
  /** Why, as the end of a sentence that begins with "it". */
  readonly why: string;
}

/** A segment that was archived once, as the server's register says, and whose file is gone. */
export interface LostFile {
  readonly segment: WalSegment;
  readonly time: Instant;
}

/** What one Barman server holds on disk. */
export interface Archive {
  readonly server: string;
  readonly files: readonly ArchivedFile[];
  readonly lost: readonly LostFile[];
  readonly histories: readonly ArchivedHistory[];
  readonly damaged: readonly DamagedHistory[];
}

/** The archives of those servers. */
export function archivesOf(
  servers: readonly { readonly name: string }[],
  archives: readonly Archive[],
): readonly Archive[] {
  return archives.filter(({ server }) => servers.some(({ name }) => name === server));
}

/** One segment over all archives; without any server it is known to have been, and missing. */
interface Holding {
  /** Servers with the whole segment, in the order of the archives. */
  readonly servers: readonly string[];
  /** Servers with the beginning of it alone. */
  readonly partialServers: readonly string[];
  /** The earliest that any archive says; a copy that was uploaded later lies about its age, never the first one. */
  readonly time: Instant;
}

/** A segment that a server should have: its file is gone, has not the size of a segment, or cannot be unpacked to one. */
export interface BadFile {
  readonly segment: WalSegment;
  readonly server: string;
  /** Bytes of the damaged file; absent when the file is gone. */
  readonly size?: number | undefined;
  /** What is wrong with it, where the size does not tell. */
  readonly broken?: string | undefined;
}

/** One number that two servers' history files use for different timelines. */
interface TimelineConflict {
  readonly timeline: TimelineId;
  readonly servers: readonly string[];
}

/** The archives of all servers of one cluster as one. */
export interface MergedArchive {
  readonly segmentSize: SegmentSize;
  readonly holdings: ReadonlyMap<WalSegment, Holding>;
  /** Segment numbers on each timeline, ascending; `.partial` ones are in. */
  readonly numbers: ReadonlyMap<TimelineId, readonly number[]>;
  readonly histories: ReadonlyMap<TimelineId, ArchivedHistory>;
  /** The servers that hold each timeline's history file. */
  readonly historyServers: ReadonlyMap<TimelineId, readonly string[]>;
  readonly conflicts: readonly TimelineConflict[];
  /** Of segments that no server has whole. */
  readonly bad: readonly BadFile[];
}

/** Whether a file is not the segment that it is named after, as far as is known. */
export function isDamaged({ size, compressed, broken }: ArchivedFile, segmentSize: SegmentSize): boolean {
  return broken !== undefined || size === 0 || (compressed === false && size !== segmentSize);
}

/**
 * Whether only its unpacking proves it: it is packed, or nobody knows whether it is, and its size is not that of a segment.
 */
export function isToUnpack(
  { size, compressed, partial, broken }: ArchivedFile,
  segmentSize: SegmentSize,
): boolean {
  if (partial || broken !== undefined) return false;
  return compressed ?? size !== segmentSize;
}

/** Lays the archives of several servers over each other: what one lacks another may hold. */
export function mergeArchives(archives: readonly Archive[], segmentSize: SegmentSize): MergedArchive {
  const holdings = new Map<WalSegment, Holding>();
  const bad: BadFile[] = [];
  for (const { server, files, lost } of archives) {
    for (const file of files) {
      const { segment, partial, time, size, broken } = file;
      if (!fitsSize(segment, segmentSize)) continue;
      const damaged = isDamaged(file, segmentSize);
      if (damaged) bad.push({ segment, server, size, broken });
      const place = damaged ? 'nowhere' : partial ? 'partialServers' : 'servers';
      holdings.set(segment, held(holdings.get(segment), server, place, time));
    }
    for (const { segment, time } of lost) {
      if (!fitsSize(segment, segmentSize)) continue;
      bad.push({ segment, server });
      holdings.set(segment, held(holdings.get(segment), server, 'nowhere', time));
    }
  }
  return {
    segmentSize,
    holdings,
    numbers: numbersByTimeline(holdings.keys(), segmentSize),
    ...mergeHistories(archives),
    bad: bad.filter((file) => (holdings.get(file.segment)?.servers.length ?? 0) === 0),
  };
}

function held(
  before: Holding | undefined,
  server: string,
  place: 'servers' | 'partialServers' | 'nowhere',
  time: Instant,
): Holding {
  const { servers = [], partialServers = [] } = before ?? {};
  return {
    servers: place === 'servers' ? [...servers, server] : servers,
    partialServers: place === 'partialServers' ? [...partialServers, server] : partialServers,
    time: before === undefined ? time : earliest(before.time, time),
  };
}

function numbersByTimeline(
  segments: Iterable<WalSegment>,
  size: SegmentSize,
): ReadonlyMap<TimelineId, readonly number[]> {
  const numbers = new Map<TimelineId, number[]>();
  for (const segment of segments) {
    const timeline = timelineOf(segment);
    const list = numbers.get(timeline);
    if (list === undefined) numbers.set(timeline, [segmentNumber(segment, size)]);
    else list.push(segmentNumber(segment, size));
  }
  for (const list of numbers.values()) list.sort((a, b) => a - b);
  return numbers;
}

function mergeHistories(
  archives: readonly Archive[],
): Pick<MergedArchive, 'histories' | 'historyServers' | 'conflicts'> {
  const histories = new Map<TimelineId, ArchivedHistory>();
  const historyServers = new Map<TimelineId, string[]>();
  const conflicts = new Map<TimelineId, TimelineConflict>();
  for (const archive of archives) {
    for (const found of archive.histories) {
      const id = found.history.timeline;
      const known = histories.get(id);
      const servers = historyServers.get(id) ?? [];
      historyServers.set(id, [...servers, archive.server]);
      if (known !== undefined && !sameHistory(known.history, found.history))
        conflicts.set(id, { timeline: id, servers: [...servers, archive.server] });
      if (known === undefined || found.time < known.time) histories.set(id, found);
    }
  }
  return { histories, historyServers, conflicts: [...conflicts.values()] };
}
