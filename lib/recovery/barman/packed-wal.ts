import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportIn } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { type Archive, isToUnpack } from '../wal/archive.ts';
import type { Link } from '../wal/chain.ts';
import { parseSegment, type SegmentSize, type WalSegment } from '../wal/segment.ts';
import type { ServerConfig } from './config.ts';
import { barmanNotAnswering } from './errors.ts';
import { whyOtherHead } from './segment-heads.ts';
import { segmentsAtOnce, WHOLE_AT } from './wal-file.ts';

/**
 * Unpacks segments and counts the bytes, on as many processors as there are. Arguments: of each one its server, that server's
 * directories of WAL, its name. gzip does at once what Barman would do; whatever else is packed Barman itself has to deliver,
 * since that it could pack it does not prove that it can unpack it: 3.4.0 packs with Python's bzip2 and unpacks with the
 * program bzip2, that may not be there. Of each one a line, which is written at once and so never mixed with another's: the
 * exit code, the first bytes, the number of the others, and what was complained first. Where one of those who unpack does not
 * come to its end, the answer has none.
 */
const UNPACK = probeScript(`${WHOLE_AT}
unpack() {
  mine=$1 of=$2 turn=0; shift 2
  while [ $# -gt 0 ]; do
    if [ $((turn % of)) -eq "$mine" ] && whole_at "$2" "$3" "$4" "$5"; then
      magic=$(od -An -tx1 -N2 -- "$f" | tr -d ' ')
      told=$({ {
        case $magic in 1f8b) gzip -dc <"$f" ;; *) barman get-wal "$1" "$5" ;; esac
        echo "$?" >&3
      } | { head=$(dd bs=1 count=40 2>/dev/null | od -An -v -tx1 | tr -d ' \\n'); others=$(wc -c); echo "\${head:--}"; echo "$others"; } >&3; } 3>&1 2>&1 |
        awk 'NR > 3 && said == "" { said = code } { code = head; head = others; others = $0 } END { sub(/^ +/, "", others); print code, head, others, substr(said, 1, 300) }')
      printf '@unpacked %s %s %s\\n' "$1" "$5" "$told" || exit 1
    fi
    turn=$((turn + 1)); shift 5
  done
}
many=$(nproc 2>/dev/null)
case $many in ''|*[!0-9]*) many=1 ;; esac
[ "$many" -le 8 ] || many=8
{
  one=0 pids=
  while [ $one -lt "$many" ]; do unpack $one "$many" "$@" & pids="$pids $!"; one=$((one + 1)); done
  for pid in $pids; do wait "$pid" || exit 1; done
  echo @end
} | cat`);

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
    const parts = reportIn(answer)?.map(({ rest }) => readUnpacked(rest));
    if (parts === undefined || parts.includes(undefined)) {
      throw barmanNotAnswering(
        host.name,
        evidenceOf({ ...answer, argv: ['sh', '(unpacking of compressed WAL segments)'] }),
      );
    }
    for (const one of parts) {
      const why = one === undefined ? undefined : whyBroken(one, segmentSize, systemId);
      if (one !== undefined && why !== undefined) broken.set(`${one.server} ${one.segment}`, why);
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

interface Unpacked {
  readonly server: string;
  readonly segment: WalSegment;
  readonly exitCode: string;
  readonly head: Uint8Array;
  readonly bytes: number;
  /** What was complained first. */
  readonly said: string;
}

/** Nothing where a line is not as it has to be. */
function readUnpacked(text: string): Unpacked | undefined {
  const [, server, name = '', exitCode, begin = '', others, said] =
    /^(.+?) ([0-9A-F]{24}) (\d+) (-|[0-9a-f]+) (\d+) ?(.*)$/s.exec(text) ?? [];
  const segment = parseSegment(name);
  if (server === undefined || segment === undefined || exitCode === undefined) return undefined;
  const head = Buffer.from(begin, 'hex');
  return {
    ...{ server, segment, exitCode, head },
    bytes: head.byteLength + Number(others),
    said: said?.trim() ?? '',
  };
}

function whyBroken(
  { segment, exitCode, head, bytes, said }: Unpacked,
  size: SegmentSize,
  systemId: string | undefined,
): string | undefined {
  if (exitCode === '0' && bytes === size) return whyOtherHead(segment, head, size, systemId);
  return `it cannot be unpacked to the ${size} bytes of a segment, only to ${bytes}${said === '' ? '' : ` (${said})`}`;
}
