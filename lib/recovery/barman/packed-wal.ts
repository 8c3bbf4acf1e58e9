import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { type Archive, isToUnpack } from '../wal/archive.ts';
import type { Link } from '../wal/chain.ts';
import { parseSegment, type SegmentSize, type WalSegment } from '../wal/segment.ts';
import type { ServerConfig } from './config.ts';
import { barmanNotAnswering } from './errors.ts';
import { whyOtherHead } from './segment-heads.ts';
import { segmentsAtOnce, WHOLE_AT } from './wal-file.ts';

/**
 * Unpacks segments and counts the bytes. Arguments: of each one its server, that server's directories of WAL, its name.
 * gzip does at once what Barman would do; whatever else is packed Barman itself has to deliver, since that it could
 * pack it does not prove that it can unpack it: 3.4.0 packs with Python's bzip2 and unpacks with the program bzip2,
 * that may not be there. Under each heading: what was complained, the exit code, the first bytes, the number of the others.
 */
const UNPACK = probeScript(`${WHOLE_AT}
while [ $# -gt 0 ]; do
  if whole_at "$2" "$3" "$4" "$5"; then
    echo "@unpacked $1 $5"
    magic=$(od -An -tx1 -N2 -- "$f" | tr -d ' ')
    { {
      case $magic in 1f8b) gzip -dc <"$f" ;; *) barman get-wal "$1" "$5" ;; esac
      echo "$?" >&3
    } | { head=$(dd bs=1 count=40 2>/dev/null | od -An -v -tx1 | tr -d ' \\n'); others=$(wc -c); echo "$head"; echo "$others"; } >&3; } 3>&1 2>&1 | awk '{ print " " $0 }'
  fi
  shift 5
done
echo @end`);

const BATCH_TIMEOUT_MS = 600_000;

interface Wish {
  readonly user: string;
  readonly segmentSize: SegmentSize;
  readonly systemId: string | undefined;
  readonly servers: readonly Pick<ServerConfig, 'name' | 'wals' | 'incoming' | 'streaming'>[];
  readonly progress?: ((text: string) => void) | undefined;
}

/**
 * The archives, with a word (`broken`) at every packed copy of these segments that Barman cannot deliver whole. The size
 * of a packed file says nothing, so each one is unpacked. Throws kind `failed` when Barman's host does not answer.
 */
export async function proveUnpacking(
  host: ReadHost,
  links: readonly Link[],
  archives: readonly Archive[],
  { user, segmentSize, systemId, servers, progress }: Wish,
): Promise<readonly Archive[]> {
  const wanted = new Set(links.map(({ segment }) => segment));
  const packed = archives.flatMap(({ server, files }) => {
    const place = servers.find(({ name }) => name === server);
    return place === undefined
      ? []
      : files
          .filter((file) => wanted.has(file.segment) && isToUnpack(file, segmentSize))
          .map(({ segment }) => ({ place, segment }));
  });
  const broken = new Map<string, string>();
  const batch = segmentsAtOnce(segmentSize);
  for (let from = 0; from < packed.length; from += batch) {
    if (packed.length > batch) progress?.(`unpacked ${from} of ${packed.length} compressed WAL segments`);
    const some = packed.slice(from, from + batch);
    const places = some.flatMap(({ place: { name, wals, incoming, streaming }, segment }) => [
      name,
      wals,
      incoming,
      streaming,
      segment,
    ]);
    const answer = await host.query(UNPACK(places, { user, timeoutMs: BATCH_TIMEOUT_MS }));
    if (answer.exitCode !== 0) {
      throw barmanNotAnswering(
        host.name,
        evidenceOf({ ...answer, argv: ['sh', '(unpacking of compressed WAL segments)'] }),
      );
    }
    for (const { rest, lines } of parseReport(answer.stdout)) {
      const segment = parseSegment(rest.slice(-24));
      const why = segment === undefined ? undefined : whyBroken(segment, lines, segmentSize, systemId);
      if (why !== undefined) broken.set(rest, why);
    }
  }
  if (broken.size === 0) return archives;
  return archives.map((archive) => ({
    ...archive,
    files: archive.files.map((file) => {
      const why = file.partial ? undefined : broken.get(`${archive.server} ${file.segment}`);
      return why === undefined ? file : { ...file, broken: why };
    }),
  }));
}

function whyBroken(
  segment: WalSegment,
  lines: readonly string[],
  size: SegmentSize,
  systemId: string | undefined,
): string | undefined {
  const [code, begin = '', others = '0'] = lines.slice(-3).map((line) => line.trim());
  const head = Buffer.from(begin, 'hex');
  const bytes = head.byteLength + Number(others);
  if (code === '0' && bytes === size) return whyOtherHead(segment, head, size, systemId);
  const [said = ''] = lines.slice(0, -3).filter((line) => line.trim() !== '');
  return `it cannot be unpacked to the ${size} bytes of a segment, only to ${bytes}${said === '' ? '' : ` (${said.trim()})`}`;
}
