import type { ReadHost } from '../../contract/host.ts';
import type { Link } from '../wal/chain.ts';
import { lastRecordEnd } from '../wal/records/last-record.ts';
import { startOfSegment } from '../wal/segment.ts';
import type { RecoveryWal } from './prove-wal.ts';
import { readArchivedSegment, readNodeSegment } from './wal-file.ts';

/** What is needed to find a segment: in an archive where one has it, else in the pg_wal of a node. */
type Sources = Pick<RecoveryWal, 'backup' | 'servers' | 'tails'>;

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
 * The chain with the servers of its last link sorted, where several have the beginning of that segment: the one whose
 * copy reaches farthest first. After a failover the new leader has archived what it had received, and the old one may
 * have written more.
 */
export async function farthestFirst(
  host: ReadHost,
  chain: readonly Link[],
  sources: Sources,
  user: string,
): Promise<readonly Link[]> {
  const last = chain.at(-1);
  if (last === undefined || !last.partial || last.servers.length < 2) return chain;
  const { segmentSize, systemId } = sources.backup;
  const reach = await Promise.all(
    last.servers.map(async (server) => {
      const bytes = await readSegment(host, { ...last, servers: [server] }, sources, user);
      return {
        server,
        end: lastRecordEnd(bytes, startOfSegment(last.segment, segmentSize), segmentSize, systemId),
      };
    }),
  );
  // Equal ones stay in their order: archives before nodes.
  const servers = reach
    .toSorted((a, b) => (a.end < b.end ? 1 : a.end > b.end ? -1 : 0))
    .map(({ server }) => server);
  return [...chain.slice(0, -1), { ...last, servers }];
}
