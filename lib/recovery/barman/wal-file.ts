import { finished } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { type Probe, probeScript } from '../../contract/probe.ts';
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

/** `sent FILE`: prints it, packed where that can be done: a segment is often half empty, and a link may be slow. */
const SENT = `sent() {
  if command -v gzip >/dev/null 2>&1; then exec gzip -1 <"$1"; fi
  exec cat -- "$1"
}`;

/**
 * The bytes of one segment. Arguments: its name, then of each server that holds it: name, wals, incoming and streaming
 * directories. The order is that of Barman 3.4 (get_wal_possible_paths), whatever it delivers is read: of a beginning it
 * takes what it receives by streaming first. What it moves meanwhile is found at the second look. A file that is
 * not plain WAL (its second byte is 0xD1 in every version) is packed or encrypted; all but gzip Barman itself unpacks.
 */
const READ_SEGMENT = probeScript(`${SENT}
name=$1; shift
while [ $# -gt 0 ]; do
  in="$2/\${name%????????}"
  for f in "$in/$name" "$3/$name" "$in/$name" "$4/$name" \\
    "$4/$name.partial" "$4/$name" "$in/$name.partial" "$3/$name.partial" "$in/$name"; do
    [ -f "$f" ] || continue
    start=$(od -An -tx1 -N2 -- "$f" | tr -d ' ')
    case $start in ??d1) sent "$f" ;; esac
    case $f in *.partial) exec barman get-wal --partial "$1" "$name" ;; esac
    case $start in 1f8b) exec cat -- "$f" ;; esac
    exec barman get-wal "$1" "$name"
  done
  shift 4
done
echo "$name is not on disk" >&2
exit 3`);

// Argument: a file in the pg_wal of a node.
const READ_NODE_FILE = probeScript(`${SENT}
sent "$1"`);

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
    const isWhole = read.exitCode === 0 && !read.broken;
    if (tries < TRIES && !isWhole) continue;
    throw new PitrError({
      kind: 'failed',
      code: 'wal-unreadable',
      message:
        isWhole && !isNone
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
    READ_NODE_FILE([path], { user }),
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

/** What a command prints, unpacked if that is gzip, up to a segment; no bytes where it is more than that, or `broken`. */
export async function readOnce(
  host: ReadHost,
  command: Probe,
  segmentSize: number,
): Promise<{
  readonly bytes?: Uint8Array;
  /** It is gzip that cannot be unpacked; `stderr` says why. */
  readonly broken: boolean;
  readonly exitCode?: number;
  readonly stderr: string;
}> {
  const child = await host.stream(command);
  child.stdin.end();
  const bytes = new Uint8Array(segmentSize);
  let length = 0;
  const take = (chunk: Buffer): void => {
    if (length + chunk.byteLength <= segmentSize) bytes.set(chunk, length);
    length += chunk.byteLength;
  };
  const complaints: Buffer[] = [];
  child.stderr.on('data', (chunk: Buffer) => complaints.push(chunk));
  const printed = unpacking(take);
  child.stdout.on('data', printed.take);
  const { exitCode } = await child.ended;
  const why = await printed.end();
  if (why !== undefined) complaints.push(Buffer.from(`it cannot be unpacked: ${why}`));
  const broken = why !== undefined;
  const stderr = Buffer.concat(complaints).toString('utf8').slice(-2000);
  return {
    ...(length <= segmentSize && !broken ? { bytes: bytes.subarray(0, length) } : {}),
    broken,
    ...(exitCode === undefined ? {} : { exitCode }),
    stderr,
  };
}

/** Passes on what is printed as it was before gzip; all else as it is, and no WAL begins as gzip does. */
function unpacking(pass: (chunk: Buffer) => void) {
  let start = Buffer.alloc(0);
  let into: ReturnType<typeof createGunzip> | undefined;
  let ended: Promise<string | undefined> = Promise.resolve(undefined);
  let take = (chunk: Buffer): void => {
    start = Buffer.concat([start, chunk]);
    if (start.length < 2) return;
    if (start.readUInt16BE(0) === 0x1f8b) {
      const gunzip = createGunzip().on('data', pass);
      ended = finished(gunzip).then(
        () => undefined,
        (error: Error) => error.message,
      );
      into = gunzip;
      take = (more) => void gunzip.write(more);
    } else take = pass;
    take(start);
  };
  return {
    take: (chunk: Buffer): void => take(chunk),
    /** Resolves with what is wrong with the packed bytes, if anything is. */
    end: (): Promise<string | undefined> => {
      if (start.length < 2 && start.length > 0) pass(start);
      into?.end();
      return ended;
    },
  };
}
