import { formatBytes } from '../../base/values/bytes.ts';
import { formatDuration } from '../../base/wait/duration.ts';
import type { ReadHost } from '../../contract/host.ts';
import type { TaskContext } from '../../contract/module.ts';
import type { Link } from '../wal/chain.ts';
import type { Lsn } from '../wal/lsn.ts';
import type { Reading } from '../wal/moment/find.ts';
import { lastRecordEnd } from '../wal/records/last-record.ts';
import { startOfSegment } from '../wal/segment.ts';
import type { ServerConfig } from './config.ts';
import { refuseHidden } from './hidden-beginning.ts';
import type { RecoveryWal } from './prove-wal.ts';
import { siftOn } from './sift.ts';
import { readArchivedSegment, readNodeSegment } from './wal-file.ts';

/** What is needed to find a segment: in an archive where one has it, else in the pg_wal of a node. */
interface Sources extends Pick<RecoveryWal, 'backup' | 'tails'> {
  readonly servers: readonly ServerConfig[];
}

interface Reader {
  readonly host: ReadHost;
  readonly user: string;
  readonly context: Pick<TaskContext, 'progress' | 'warn'>;
  /** What it is done for, where it may not be clear: `behind backup 20261122T093412`. */
  readonly about?: string | undefined;
}

/** How a moment is looked for in those places: what can be searched on Barman's host is, and the rest is read from there. */
export function readingOf(sources: Sources, { host, user, context, about }: Reader): Reading {
  const { segmentSize } = sources.backup;
  const began = performance.now();
  const progress = (done: number, all: number): void => {
    if (all <= 3) return;
    const words = `looked at ${done} of at most ${all} WAL segments${about === undefined ? '' : ` ${about}`}`;
    context.progress(words + speedWords(done, all, segmentSize, performance.now() - began), { done, all });
  };
  return {
    read: (link) => readSegment(host, link, sources, user),
    sift: siftOn({
      host,
      user,
      segmentSize,
      servers: sources.servers,
      progress,
      warn: (text) => context.warn(text),
    }),
    progress,
  };
}

/** What somebody who waits wants to know of a long search; nothing yet of one that has only begun. */
function speedWords(done: number, all: number, segmentSize: number, ms: number): string {
  if (ms < 5_000 || done === 0) return '';
  const [read, whole] = [done, all].map((count) => formatBytes(count * segmentSize));
  const speed = formatBytes((done * segmentSize * 1000) / ms);
  return ` (${read} of ${whole}, ${speed}/s, ${formatDuration((ms / done) * (all - done))} left at most)`;
}

/** The bytes of a segment, from the first of its servers. Throws kind `failed` (`wal-unreadable`). */
export async function readSegment(
  host: ReadHost,
  link: Link,
  { backup, servers, tails }: Sources,
  user: string,
): Promise<Uint8Array> {
  const tail = tails.find(({ archive }) => archive.server === link.servers[0]);
  return tail === undefined
    ? readArchivedSegment(host, link, servers, backup.segmentSize, user)
    : readNodeSegment(host, link, tail, backup.segmentSize);
}

/**
 * The chain with the servers of its last link sorted, where that is the beginning of a segment: the one whose copy reaches
 * farthest first. After a failover the new leader has archived what it had received, and the old one may have written more.
 * Throws kind `refused` (`wal-beginning-hidden`) where it is among the first `needed` links.
 */
export async function farthestFirst(
  host: ReadHost,
  chain: readonly Link[],
  sources: Sources,
  { user, context, needed }: { readonly needed: number } & Pick<Reader, 'user' | 'context'>,
): Promise<readonly Link[]> {
  const last = chain.at(-1);
  const isNeeded = chain.length <= needed;
  if (last === undefined || !last.partial || (last.servers.length < 2 && !isNeeded)) return chain;
  const { segmentSize, systemId } = sources.backup;
  const endOf = (bytes: Uint8Array): Lsn =>
    lastRecordEnd(bytes, startOfSegment(last.segment, segmentSize), segmentSize, systemId);
  // A server with two files of it stands there twice.
  const reach = await Promise.all(
    [...new Set(last.servers)].map(async (server) => ({
      server,
      end: endOf(await readSegment(host, { ...last, servers: [server] }, sources, user)),
    })),
  );
  const warn = (text: string): void => context.warn(text);
  if (isNeeded)
    await refuseHidden(host, reach, { link: last, servers: sources.servers, segmentSize, user, endOf, warn });
  // Equal ones stay in their order: archives before nodes.
  const servers = reach
    .toSorted((a, b) => (a.end < b.end ? 1 : a.end > b.end ? -1 : 0))
    .map(({ server }) => server);
  return [...chain.slice(0, -1), { ...last, servers }];
}
