import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { type Probe, probe, probeScript } from '../../contract/probe.ts';
import { quote } from '../../transport/quote.ts';
import type { Link } from '../wal/chain.ts';
import type { SegmentSize } from '../wal/segment.ts';
import type { NodeTail } from '../wal/tail.ts';
import type { ServerConfig } from './config.ts';

/** What is unpacked well within the time of a look, of each copy: two segments of the largest size. */
export const BYTES_AT_ONCE = 2 ** 31;
/** How many names a command line takes. */
const NAMES_AT_ONCE = 200;

/** How many segments are unpacked in one look. */
export function segmentsAtOnce(segmentSize: SegmentSize): number {
  return Math.min(NAMES_AT_ONCE, Math.max(1, Math.floor(BYTES_AT_ONCE / segmentSize)));
}

/** Prints a file of an archive, unpacked; exits with 3 where it is packed in a way that is not known here. */
export const UNPACKED = `unpacked() {
  case $(od -An -tx1 -N2 -- "$1") in
    *' d1') cat -- "$1" ;;
    ' 1f 8b'*) gzip -dc <"$1" ;;
    ' 42 5a'*) bzip2 -dc <"$1" ;;
    ' fd 37'*) xz -dc <"$1" ;;
    ' 28 b5'*) zstd -dc <"$1" ;;
    ' 04 22'*) lz4 -dc <"$1" ;;
    *) echo "$1 is packed in a way that is not known here" >&2; return 3 ;;
  esac
}`;

/**
 * `whole_at WALS INCOMING STREAMING NAME`: the file `f` from which Barman delivers a whole segment, in the order in which it
 * looks; what it takes in meanwhile is found at the second look.
 */
export const WHOLE_AT = `whole_at() {
  in="$1/\${4%????????}"
  for f in "$in/$4" "$2/$4" "$in/$4" "$3/$4" "$in/$4"; do [ ! -f "$f" ] || return 0; done
  return 1
}`;

// Argument: a file of an archive.
export const READ_FILE = probeScript(`${UNPACKED}
unpacked "$1"`);

/**
 * The bytes of one segment. Arguments: its name, then of each server that holds it: name, wals, incoming and streaming
 * directories. The order is that of Barman 3.4 (get_wal_possible_paths), whatever it delivers is read: of a beginning it
 * takes what it receives by streaming first. What it moves meanwhile is found at the second look. A file that is
 * not plain WAL (its second byte is 0xD1 in every version) is packed or encrypted; Barman itself unpacks it.
 */
const READ_SEGMENT = probeScript(`
name=$1; shift
while [ $# -gt 0 ]; do
  in="$2/\${name%????????}"
  for f in "$in/$name" "$3/$name" "$in/$name" "$4/$name" \\
    "$4/$name.partial" "$4/$name" "$in/$name.partial" "$3/$name.partial" "$in/$name"; do
    [ -f "$f" ] || continue
    case $(od -An -tx1 -N2 -- "$f" | tr -d ' ') in ??d1) exec cat -- "$f" ;; esac
    case $f in *.partial) exec barman get-wal --partial "$1" "$name" ;; esac
    exec barman get-wal "$1" "$name"
  done
  shift 4
done
echo "$name is not on disk" >&2
exit 3`);

/** Barman may move a file between being found and being read. */
const TRIES = 3;

/**
 * A segment of Barman's archive, unpacked: all of it, or fewer bytes of one that is archived in part. Throws kind
 * `failed` (`wal-unreadable`).
 */
export async function readArchivedSegment(
  host: ReadHost,
  link: Link,
  servers: readonly ServerConfig[],
  segmentSize: SegmentSize,
  user: string,
): Promise<Uint8Array> {
  const holding = link.servers.flatMap((name) => servers.filter((server) => server.name === name));
  const places = holding.flatMap(({ name, wals, incoming, streaming }) => [name, wals, incoming, streaming]);
  for (let tries = 1; ; tries++) {
    const read = await readOnce(host, READ_SEGMENT([link.segment, ...places], { user }), segmentSize);
    const isNone = read.bytes?.length === 0 && !link.partial;
    if (read.exitCode === 0 && read.bytes !== undefined && !isNone) return read.bytes;
    if (tries < TRIES && read.exitCode !== 0) continue;
    throw new PitrError({
      kind: 'failed',
      code: 'wal-unreadable',
      message:
        read.exitCode === 0 && !isNone
          ? `WAL segment ${link.segment} is longer than the ${segmentSize} bytes of a segment`
          : `WAL segment ${link.segment} cannot be read from the archive of ${link.servers.join(', ')}`,
      host: host.name,
      evidence: {
        command: `(the bytes of ${link.segment})`,
        ...(read.exitCode === undefined ? {} : { exitCode: read.exitCode }),
        stderr: read.stderr,
      },
      next: [`Try it on ${host.name} as ${user}: barman get-wal ${link.servers[0]} ${link.segment} | wc -c`],
    });
  }
}

/** A segment that only a node has, in its pg_wal. Throws kind `failed` (`wal-unreadable`). */
export async function readNodeSegment(
  host: ReadHost,
  link: Link,
  { node, pgdata, user }: NodeTail,
  segmentSize: SegmentSize,
): Promise<Uint8Array> {
  const path = `${pgdata}/pg_wal/${link.segment}`;
  const { exitCode, bytes, stderr } = await readOnce(
    host.peer(node),
    probe(['cat', '--', path], { user }),
    segmentSize,
  );
  if (exitCode === 0 && bytes !== undefined) return bytes;
  throw new PitrError({
    kind: 'failed',
    code: 'wal-unreadable',
    message: `WAL segment ${link.segment} cannot be read from pg_wal of ${node}`,
    host: node,
    evidence: { command: `cat ${quote(path)}`, ...(exitCode === undefined ? {} : { exitCode }), stderr },
    next: ['Files come and go there while PostgreSQL runs: try again.'],
  });
}

/** What a command prints, up to a segment; no bytes where it is more than that. */
export async function readOnce(
  host: ReadHost,
  command: Probe,
  segmentSize: number,
): Promise<{ readonly bytes?: Uint8Array; readonly exitCode?: number; readonly stderr: string }> {
  const child = await host.stream(command);
  child.stdin.end();
  const bytes = new Uint8Array(segmentSize);
  let length = 0;
  const complaints: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  child.stdout.on('data', (chunk: Buffer) => {
    if (length + chunk.byteLength <= segmentSize) bytes.set(chunk, length);
    length += chunk.byteLength;
  });
  const { exitCode } = await child.ended;
  const stderr = Buffer.concat(complaints).toString('utf8').slice(-2000);
  return {
    ...(length <= segmentSize ? { bytes: bytes.subarray(0, length) } : {}),
    ...(exitCode === undefined ? {} : { exitCode }),
    stderr,
  };
}
