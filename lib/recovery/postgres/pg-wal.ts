import { parseReport } from '../../contract/script-report.ts';
import { type Instant, parseEpoch } from '../wal/instant.ts';
import { readPage } from '../wal/records/page.ts';
import {
  fitsSize,
  parseSegment,
  type SegmentSize,
  segmentNumber,
  startOfSegment,
  timelineOf,
  type WalSegment,
} from '../wal/segment.ts';
import type { TailFile } from '../wal/tail.ts';
import { readHistory, timelineId } from '../wal/timeline.ts';
import type { InstanceRole } from './control-data.ts';

/** The header of a segment's first page. */
const HEAD_BYTES = 40;

/** What lies in a node's pg_wal. */
export interface PgWal {
  readonly segments: readonly {
    readonly name: WalSegment;
    readonly time: Instant;
    /** Waits for the archiver. */
    readonly ready: boolean;
    /** Nothing has written to it for a minute, by the clock of the host. */
    readonly settled: boolean;
    /** The first bytes of the file. */
    readonly head: Uint8Array;
  }[];
  readonly histories: readonly { readonly name: string; readonly text: string; readonly time: Instant }[];
  /** What the archiver's process says of itself: whether its last try has failed. */
  readonly archiver: 'none' | 'working' | 'failing';
}

/** Reads the answer of the look in lib/recovery/postgres/look-tail.ts; nothing when files came and went while it looked. */
export function parsePgWal(printed: string): PgWal | undefined {
  const parts = parseReport(printed);
  const lines = (kind: string): readonly string[] => parts.find((part) => part.kind === kind)?.lines ?? [];
  const times = new Map(lines('files').map((line) => splitTime(line)));
  const settled = new Set(lines('settled'));
  const ready = new Set(lines('ready'));
  const heads = lines('heads');
  const bytes = Buffer.from(lines('bytes').join(''), 'hex');
  if (bytes.byteLength !== heads.length * HEAD_BYTES) return undefined;
  return {
    archiver: archiverOf(lines('archiver').at(0)),
    segments: heads.flatMap((head, index) => {
      const name = parseSegment(head);
      const time = times.get(head);
      if (name === undefined || time === undefined) return [];
      const at = index * HEAD_BYTES;
      const told = { ready: ready.has(`${head}.ready`), settled: settled.has(head) };
      return [{ name, time, ...told, head: bytes.subarray(at, at + HEAD_BYTES) }];
    }),
    histories: parts.flatMap(({ kind, rest: name, lines: text }) => {
      const time = times.get(name);
      return kind !== 'history' || time === undefined ? [] : [{ name, text: text.join('\n'), time }];
    }),
  };
}

function splitTime(line: string): readonly [string, Instant | undefined] {
  const [name = '', time = ''] = line.split('\t');
  return [name, parseEpoch(time)];
}

/** By the title of its process: `postgres: archiver failed on 000000010000000000000007`. */
function archiverOf(title: string | undefined): PgWal['archiver'] {
  if (title === undefined) return 'none';
  return / archiver +failed on /.test(title) ? 'failing' : 'working';
}

/** WAL of a PostgreSQL that is not read here. */
export class OtherWalVersion extends Error {
  override readonly name = 'OtherWalVersion';
  readonly segment: WalSegment;

  constructor(segment: WalSegment, why: string) {
    super(why);
    this.segment = segment;
  }
}

/** The instance whose pg_wal it is. */
export interface TailOwner {
  readonly running: boolean;
  readonly role: InstanceRole;
  readonly systemId: string;
  readonly segmentSize: SegmentSize;
}

/**
 * The WAL in a node's pg_wal that may be nowhere else. Of a running primary only histories, and what waits for an archiver
 * that fails: it archives the rest itself. A segment counts by what its first page says: files that wait to be used again have the
 * names of segments to come and the content of old ones. The last one of a timeline is still being written, or was
 * when the instance died: it goes as a beginning. Throws `OtherWalVersion`. `except` is the timeline that a living leader archives.
 * `finished`: all that a running primary has finished, whatever its archiver says of itself: it may say yes and store nothing, or
 * wait for ever, or not be there. Only what waits for it since less than a minute is left to it.
 */
export function tailOf(
  wal: PgWal,
  owner: TailOwner,
  except: number,
  finished: boolean = false,
): readonly TailFile[] {
  const { segmentSize: size } = owner;
  const leads = owner.running && owner.role === 'primary';
  const histories = wal.histories
    .filter((one) => whyDamaged(one) === undefined)
    .map(({ name, time }) => ({ name, partial: false, time }));
  // A history that its archiver has sent once is not sent again, also where nobody has kept it.
  if (leads && wal.archiver !== 'failing' && !finished) return histories;
  const valid = wal.segments.filter(({ name, head }) => isThatSegment(name, head, owner));
  const last = new Map<number, number>();
  for (const { name } of valid) {
    const number = segmentNumber(name, size);
    last.set(timelineOf(name), Math.max(number, last.get(timelineOf(name)) ?? 0));
  }
  const segments = valid.flatMap(({ name, time, ready, settled }) => {
    const followed = segmentNumber(name, size) < (last.get(timelineOf(name)) ?? 0);
    if (leads) {
      const counts = ready ? wal.archiver === 'failing' || settled : finished && followed;
      return counts ? [{ name, partial: false, time }] : [];
    }
    if (timelineOf(name) === except) return [];
    return [{ name, partial: !followed && !(ready && owner.role === 'primary'), time }];
  });
  return [...histories, ...segments];
}

/** How many segments wait for the archiver of a running primary and are not among these files of its tail. */
export function waitingOf(
  wal: PgWal,
  { running, role }: Pick<TailOwner, 'running' | 'role'>,
  files: readonly TailFile[],
): number {
  if (!running || role !== 'primary') return 0;
  const named = new Set(files.map(({ name }) => name));
  return wal.segments.filter(({ name, ready }) => ready && !named.has(name)).length;
}

/** Why a history file cannot be believed; nothing where it can. */
export function whyDamaged({ name, text }: PgWal['histories'][number]): string | undefined {
  const read = readHistory(timelineId(Number.parseInt(name.slice(0, 8), 16)), text);
  return 'why' in read ? read.why : undefined;
}

function isThatSegment(name: WalSegment, head: Uint8Array, owner: TailOwner): boolean {
  if (!fitsSize(name, owner.segmentSize)) return false;
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const page = readPage(view, 0, startOfSegment(name, owner.segmentSize), true);
  if ('end' in page && page.end === 'other-version') throw new OtherWalVersion(name, page.why);
  return (
    !('end' in page) &&
    page.timeline >= 1 &&
    // What was copied from the timeline before keeps its number.
    page.timeline <= timelineOf(name) &&
    page.segmentSize === owner.segmentSize &&
    String(page.systemId) === owner.systemId
  );
}
