import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseReport } from '../../contract/script-report.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { Archive, ArchivedFile } from '../wal/archive.ts';
import type { Link } from '../wal/chain.ts';
import type { SegmentSize } from '../wal/segment.ts';
import { barmanNotAnswering } from './errors.ts';

/**
 * Unpacks segments and counts the bytes. Arguments: of each one its server, that server's wals directory, its name.
 * gzip does at once what Barman would do; whatever else is packed Barman itself has to deliver, since that it could
 * pack it does not prove that it can unpack it: 3.4.0 packs with Python's bzip2 and unpacks with the program bzip2,
 * that may not be there. Under each heading: what was complained, the exit code, the number of bytes.
 */
const UNPACK = probeScript(`
while [ $# -gt 0 ]; do
  f="$2/\${3%????????}/$3"
  if [ -f "$f" ]; then
    echo "@unpacked $1 $3"
    case $(od -An -tx1 -N2 -- "$f" | tr -d ' ') in
      1f8b) set -- gzip "$@" ;;
      *) set -- barman "$@" ;;
    esac
    { {
      case $1 in gzip) gzip -dc <"$f" ;; *) barman get-wal "$2" "$4" ;; esac
      echo "$?" >&3
    } | wc -c >&3; } 3>&1 2>&1 | awk '{ print " " $0 }'
    shift
  fi
  shift 3
done
echo @end`);

/** About half a minute of work, and short enough for a command line. */
const BATCH = 200;
const BATCH_TIMEOUT_MS = 600_000;

interface Wish {
  readonly user: string;
  readonly segmentSize: SegmentSize;
  /** Where each server keeps its archive. */
  readonly servers: readonly { readonly name: string; readonly wals: string }[];
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
  { user, segmentSize, servers, progress }: Wish,
): Promise<readonly Archive[]> {
  const wanted = new Set(links.map(({ segment }) => segment));
  const packed = archives.flatMap(({ server, files }) => {
    const wals = servers.find(({ name }) => name === server)?.wals;
    return wals === undefined
      ? []
      : files
          .filter((file) => wanted.has(file.segment) && isPacked(file))
          .map((file) => ({ server, wals, file }));
  });
  const broken = new Map<string, string>();
  for (let from = 0; from < packed.length; from += BATCH) {
    if (packed.length > BATCH) progress?.(`unpacked ${from} of ${packed.length} compressed WAL segments`);
    const some = packed.slice(from, from + BATCH);
    const places = some.flatMap(({ server, wals, file }) => [server, wals, file.segment]);
    const answer = await host.query(UNPACK(places, { user, timeoutMs: BATCH_TIMEOUT_MS }));
    if (answer.exitCode !== 0) {
      throw barmanNotAnswering(
        host.name,
        evidenceOf({ ...answer, argv: ['sh', '(unpacking of compressed WAL segments)'] }),
      );
    }
    for (const { rest, lines } of parseReport(answer.stdout)) {
      const why = whyBroken(lines, segmentSize);
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

function isPacked({ compressed, partial, broken }: ArchivedFile): boolean {
  return compressed === true && !partial && broken === undefined;
}

function whyBroken(lines: readonly string[], segmentSize: number): string | undefined {
  const [code, bytes] = lines.slice(-2).map((line) => line.trim());
  if (code === '0' && bytes === String(segmentSize)) return undefined;
  const [said = ''] = lines.slice(0, -2).filter((line) => line.trim() !== '');
  return `it cannot be unpacked to the ${segmentSize} bytes of a segment, only to ${bytes}${said === '' ? '' : ` (${said.trim()})`}`;
}
