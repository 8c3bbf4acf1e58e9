import { z } from 'zod';
import { type Archive, type ArchivedHistory, type DamagedHistory, isDamaged } from './archive.ts';
import type { Link } from './chain.ts';
import { type Instant, parseEpoch } from './instant.ts';
import { parseSegment, type SegmentSize, segmentNumber } from './segment.ts';
import { readHistory, timelineId } from './timeline.ts';

/** What `postgres.tail` says of each node, as it comes back from a playbook; of a node that did not answer, that. */
export const tailsSchema = z.array(
  z.looseObject({
    node: z.string().optional(),
    pgdata: z.string().optional(),
    user: z.string().optional(),
    system_id: z.string().optional(),
    files: z.array(z.object({ name: z.string(), partial: z.boolean(), time: z.string() })).optional(),
    histories: z.array(z.object({ name: z.string(), text: z.string(), time: z.string() })).optional(),
    error: z.looseObject({ host: z.string().optional(), message: z.string().optional() }).optional(),
  }),
);

export type TailsParam = z.output<typeof tailsSchema>;

/** WAL that lies in the pg_wal of a node, laid out as if it were one more archive. */
export interface NodeTail {
  readonly node: string;
  readonly pgdata: string;
  /** OS user that may read it. */
  readonly user: string;
  /** Its `server` names the node in words that no Barman server can have. */
  readonly archive: Archive;
}

/** `pg_wal of db1` */
export function tailName(node: string): string {
  return `pg_wal of ${node}`;
}

/**
 * The tails of the nodes of one cluster. The beginning of a segment is there also where an archive has one: neither its
 * name nor its time says how far it reaches, and Barman receives beginnings by streaming that have times of their own.
 */
export function tailsOf(
  tails: TailsParam,
  cluster: { readonly systemId?: string | undefined; readonly segmentSize: SegmentSize },
): readonly NodeTail[] {
  return tails.flatMap(({ node, pgdata, user, system_id, files, histories }) => {
    if (node === undefined || pgdata === undefined || user === undefined || files === undefined) return [];
    if (cluster.systemId !== undefined && system_id !== cluster.systemId) return [];
    const kept = files.flatMap(({ name, partial, time }) => {
      const segment = parseSegment(name);
      const written = parseEpoch(time);
      if (segment === undefined || written === undefined) return [];
      const { segmentSize: size } = cluster;
      return [{ segment, partial, time: written, size, compressed: false }];
    });
    const told: ArchivedHistory[] = [];
    const damaged: DamagedHistory[] = [];
    for (const { name, text, time } of histories ?? []) {
      const written = parseEpoch(time);
      const timeline = timelineId(Number.parseInt(name.slice(0, 8), 16));
      const read = readHistory(timeline, text);
      if ('why' in read) damaged.push({ timeline, path: `${pgdata}/pg_wal/${name}`, why: read.why });
      else if (written !== undefined) told.push({ history: read, time: written, bytes: Buffer.from(text) });
    }
    const archive = { server: tailName(node), files: kept, lost: [], histories: told, damaged };
    return [{ node, pgdata, user, archive }];
  });
}

/** The nodes that did not say what they have, and why. */
export function unseenIn(tails: TailsParam): readonly { readonly node: string; readonly why: string }[] {
  return tails.flatMap(({ files, error }) =>
    files === undefined && error?.host
      ? [{ node: error.host, why: error.message ?? 'it was not reached' }]
      : [],
  );
}

/** Their names. */
export function silentNodes(tails: TailsParam): readonly string[] {
  return unseenIn(tails).map(({ node }) => node);
}

/**
 * The nodes whose WAL a recovery needs because no archive has it: each segment is asked of one. Of the beginning in which
 * WAL ends the first server of its link is taken, whose copy must reach farthest; that node comes first, so that what it
 * has besides need not come from another.
 */
export function nodesToSave(
  needed: readonly Link[],
  histories: readonly (readonly string[])[],
  tails: readonly NodeTail[],
): readonly string[] {
  const nodes: string[] = [];
  const among = (servers: readonly string[]): readonly string[] =>
    tails.filter(({ archive }) => servers.includes(archive.server)).map(({ node }) => node);
  const last = needed.at(-1);
  if (last?.partial === true) nodes.push(...among(last.servers.slice(0, 1)));
  const wholes = needed.filter(({ partial }) => !partial).map(({ servers }) => servers);
  for (const servers of [...wholes, ...histories]) {
    const holding = among(servers);
    const [first] = holding;
    const isArchived = holding.length < servers.length;
    if (first !== undefined && !isArchived && !holding.some((node) => nodes.includes(node)))
      nodes.push(first);
  }
  return nodes;
}

/** A file in pg_wal, as far as it may have to be archived. */
export interface TailFile {
  readonly name: string;
  /** The beginning of a segment: archived as `<name>.partial`. */
  readonly partial: boolean;
  readonly time: Instant;
}

/** Without the segments before this one, by their place on any timeline. */
export function filesFrom(
  files: readonly TailFile[],
  from: string | undefined,
  size: SegmentSize,
): readonly TailFile[] {
  const first = parseSegment(from ?? '');
  if (first === undefined) return files;
  return files.filter(({ name }) => {
    const segment = parseSegment(name);
    return segment === undefined || segmentNumber(segment, size) >= segmentNumber(first, size);
  });
}

/**
 * The files that no archive has, histories first, then in order. What is older than everything that is archived was
 * let go of there on purpose. A damaged copy is none. `held`: names of beginnings that an archive has.
 */
export function filesToSend(
  files: readonly TailFile[],
  archives: readonly Archive[],
  size: SegmentSize,
  held: ReadonlySet<string> = new Set(),
): readonly TailFile[] {
  const archived = archives.flatMap((archive) => archive.files);
  const whole = wholeIn(archives, size);
  // One by one: an archive may have more files than a call can have arguments.
  const oldest = archived.reduce(
    (before, { segment }) => Math.min(before, segmentNumber(segment, size)),
    Number.POSITIVE_INFINITY,
  );
  const histories = new Set(
    archives.flatMap((archive) => archive.histories.map(({ history }) => Number(history.timeline))),
  );
  const missing = files.filter(({ name, partial }) => {
    const segment = parseSegment(name);
    if (segment === undefined) return !histories.has(Number.parseInt(name.slice(0, 8), 16));
    if (whole.has(name) || (archived.length > 0 && segmentNumber(segment, size) < oldest)) return false;
    return !partial || !held.has(name);
  });
  return [...missing].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

/** The segments of which an archive has a whole copy that is not damaged, as far as its size tells. */
export function wholeIn(archives: readonly Archive[], size: SegmentSize): ReadonlySet<string> {
  const files = archives.flatMap((archive) => archive.files);
  return new Set(
    files.filter((file) => !file.partial && !isDamaged(file, size)).map(({ segment }) => segment),
  );
}

function rank({ name }: TailFile): string {
  return `${parseSegment(name) === undefined ? 0 : 1}${name}`;
}
