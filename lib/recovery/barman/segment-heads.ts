import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { type Archive, type ArchivedFile, isToUnpack } from '../wal/archive.ts';
import type { Link } from '../wal/chain.ts';
import { readPage } from '../wal/records/page.ts';
import { type SegmentSize, startOfSegment, timelineOf, type WalSegment } from '../wal/segment.ts';
import type { ServerConfig } from './config.ts';
import { barmanNotAnswering } from './errors.ts';
import { WHOLE_AT } from './wal-file.ts';

/**
 * The header of the first page of each segment, one process each. Arguments: of each one its server, where that keeps
 * WAL, what has arrived and what was received, its name. gzip is unpacked as far as that; what is packed otherwise is told
 * as it lies.
 */
const READ_HEADS = probeScript(`${WHOLE_AT}
while [ $# -gt 0 ]; do
  if whole_at "$2" "$3" "$4" "$5"; then
    h=$(od -An -v -tx1 -w40 -N40 -- "$f")
    case $h in ' 1f 8b'*) h=$(gzip -dc <"$f" 2>/dev/null | od -An -v -tx1 -w40 -N40) ;; esac
    echo "@head $1 $5"; echo " $h"
  fi
  shift 5
done
echo @end`);

const BATCH = 500;
const BATCH_TIMEOUT_MS = 300_000;

/** Why bytes are not the beginning of that segment; nothing where they are. */
export function whyOtherHead(
  segment: WalSegment,
  head: Uint8Array,
  size: SegmentSize,
  systemId: string | undefined,
): string | undefined {
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const page = readPage(view, 0, startOfSegment(segment, size), true);
  if ('end' in page) return page.why;
  if (page.segmentSize !== size) return `it has ${size} bytes, and its header says ${page.segmentSize}`;
  if (systemId !== undefined && String(page.systemId) !== systemId)
    return `it is of another cluster: system identifier ${page.systemId}, not ${systemId}`;
  // What was copied from the timeline before keeps its number.
  if (page.timeline > timelineOf(segment)) return `its header says timeline ${page.timeline}`;
  return undefined;
}

interface Wish {
  readonly user: string;
  readonly segmentSize: SegmentSize;
  readonly systemId: string | undefined;
  readonly servers: readonly Pick<ServerConfig, 'name' | 'wals' | 'incoming' | 'streaming'>[];
}

/**
 * The archives, with a word (`broken`) at every copy of these segments whose first page says that it is another one: a
 * file of the right name and size is not yet the segment. Throws kind `failed` when Barman's host does not answer.
 */
export async function proveHeads(
  host: ReadHost,
  links: readonly Link[],
  archives: readonly Archive[],
  { user, segmentSize, systemId, servers }: Wish,
): Promise<readonly Archive[]> {
  const wanted = new Set(links.map(({ segment }) => segment));
  const copies = archives.flatMap(({ server, files }) => {
    const place = servers.find(({ name }) => name === server);
    return place === undefined
      ? []
      : files
          .filter((file) => wanted.has(file.segment) && !file.partial && file.broken === undefined)
          .map((file) => ({ place, file }));
  });
  const asked = new Set(copies.map(({ place }) => place.name));
  const heads = new Map<string, Uint8Array>();
  for (let from = 0; from < copies.length; from += BATCH) {
    const words = copies
      .slice(from, from + BATCH)
      .flatMap(({ place, file }) => [place.name, place.wals, place.incoming, place.streaming, file.segment]);
    const answer = await host.query(READ_HEADS(words, { user, timeoutMs: BATCH_TIMEOUT_MS }));
    if (answer.exitCode !== 0) {
      throw barmanNotAnswering(
        host.name,
        evidenceOf({ ...answer, argv: ['sh', '(headers of WAL segments)'] }),
      );
    }
    for (const { rest, lines } of parseReport(answer.stdout))
      heads.set(rest, Buffer.from(lines.join('').replaceAll(' ', ''), 'hex'));
  }
  const why = (server: string, file: ArchivedFile): string | undefined => {
    if (file.partial || file.broken !== undefined || !asked.has(server)) return undefined;
    const head = heads.get(`${server} ${file.segment}`);
    if (head === undefined) return 'it is not (any more) where Barman looks for it';
    // Packed by other means than gzip: its head is that of what Barman delivers.
    if (isToUnpack(file, segmentSize) && head[1] !== 0xd1) return undefined;
    return whyOtherHead(file.segment, head, segmentSize, systemId);
  };
  let other = false;
  const judged = archives.map((archive) => ({
    ...archive,
    files: archive.files.map((file) => {
      const broken = wanted.has(file.segment) ? why(archive.server, file) : undefined;
      other ||= broken !== undefined;
      return broken === undefined ? file : { ...file, broken };
    }),
  }));
  return other ? judged : archives;
}
