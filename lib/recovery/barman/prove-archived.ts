import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import { readOnlySession } from '../postgres/sql.ts';
import { type Lsn, parseLsn } from '../wal/lsn.ts';
import {
  numberHolding,
  parseSegment,
  parseSegmentSize,
  segmentNumber,
  timelineOf,
  type WalSegment,
} from '../wal/segment.ts';
import { checksumsOf } from './checksums.ts';
import type { ServerConfig } from './config.ts';
import { filesInErrors } from './errors-directory.ts';
import { whyOtherHead } from './segment-heads.ts';
import { BYTES_AT_ONCE } from './wal-file.ts';
import { otherWal, strayWal, walGone } from './wal-not-proved.ts';

/** The node that has written the segment, where it is known. */
export interface Writer {
  readonly node: string;
  readonly pgdata: string;
  /** OS user that owns the data. */
  readonly user: string;
}

type ProvedServer = ServerConfig & { readonly systemId?: string | undefined };

/** Of the last segments of its timeline, as many as are compared, where they are small. */
const MOST = 8;
const DEADLINE_MS = 300_000;

// Arguments: server, wals directory, segments, of which the last one was closed. What is packed is unpacked by Barman
// itself, as a recovery will get it. What may be behind is listed again where a directory has gone meanwhile; a list that is
// not whole proves nothing.
const READ_COPIES = probeScript(`
server=$1 wals=$2; shift 2
deliver() { case $(od -An -tx1 -N2 -- "$f") in *' d1') cat -- "$f" ;; ' 1f 8b'*) gzip -dc <"$f" ;; *) barman get-wal "$server" "$name" ;; esac; }
for name in "$@"; do
  f="$wals/\${name%????????}/$name"
  [ -f "$f" ] || continue
  echo "@copy $name $f"
  deliver 2>/dev/null | sha256sum | cut -c 1-64 | sed 's/^/ /'
done
if [ -f "$f" ]; then
  echo "@closed $f"
  echo " $(deliver 2>/dev/null | wc -c)"
  echo " $(deliver 2>/dev/null | head -c 40 | od -An -v -tx1 | tr -d ' \\n')"
fi
echo @listed
later() { find "$wals/" -type f -name "\${name%????????????????}*" -printf ' %f\\n'; }
list=$(later) || list=$(later) || exit 3
[ -z "$list" ] || printf '%s\\n' "$list"
echo @end`);

// Arguments: data directory, the closed segment, how many, of how many bytes together. The node's own segments of that
// timeline up to it, that it has archived, the last one first.
const READ_OWN = probeScript(`
cd -- "$1/pg_wal" && ls >/dev/null || exit 3
left=$4
for f in $(ls | grep -E "^$(printf %.8s "$2")[0-9A-F]{16}$" | sort -r | awk -v last="$2" '$0 "" <= last' | head -n "$3"); do
  [ "$f" = "$2" ] || [ -f "archive_status/$f.done" ] || continue
  size=$(stat -c %s -- "$f" 2>/dev/null) || continue
  left=$((left - size)); [ "$left" -ge 0 ] || break
  echo "@own $f"; sha256sum <"$f" | cut -c 1-64 | sed 's/^/ /'
done
echo @end`);

// Argument: data directory. Where the programs lie that the server there was started from.
const FIND_PROGRAMS = probeScript(`
read -r program rest <"$1/postmaster.opts" || exit
printf '%s\\n' "\${program%/*}"`);

/** All before it is written. What streams to Barman may be archived there before the node's own archiver comes to it. */
const WRITTEN = 'select pg_current_wal_lsn()';

/**
 * Proves that what lies in the archive under the name of a segment that was just closed is that segment: unpacked it has
 * the size, and its first page the system identifier, the position and the timeline; and, where the node still has it, it
 * is the same byte for byte, as are the segments before it that the node still has. Nothing of that timeline may lie
 * behind it, or among what Barman has put aside. Throws kind `failed` (`archive-not-proved`).
 */
export async function proveArchivedSegment(
  host: ReadHost,
  segment: WalSegment,
  server: ProvedServer,
  user: string,
  writer: Writer | undefined,
): Promise<{ readonly compared: number }> {
  const own =
    writer === undefined
      ? new Map<string, string>()
      : await ownSegments(host.peer(writer.node), segment, writer, BYTES_AT_ONCE);
  const names = [...[...own.keys()].filter((name) => name !== segment), segment];
  const look = READ_COPIES([server.name, server.wals, ...names], { user, timeoutMs: DEADLINE_MS });
  const parts = checksumsOf(await host.query(look), unproved(host.name, segment, server));
  const closed = parts.find(({ kind }) => kind === 'closed');
  if (closed === undefined) throw walGone(segment, server, host.name);
  const wrong = whyOther(segment, closed.lines, server.systemId);
  const copies = new Map(
    parts.flatMap(({ kind, rest, lines: [sha256 = ''] }) =>
      kind === 'copy' ? [[rest.slice(0, segment.length), sha256]] : [],
    ),
  );
  const differing = differingFrom(own, copies);
  if (wrong !== undefined || differing.length > 0) {
    const words = [
      ...(wrong === undefined ? [] : [`${closed.rest}: ${wrong}`]),
      ...differing.map(
        (name) => `${name}: ${copies.has(name) ? 'not what its node has in pg_wal' : 'not there'}`,
      ),
    ];
    throw otherWal(wrong === undefined ? differing : [segment], words, server, host.name);
  }
  const listed = parts.find(({ kind }) => kind === 'listed')?.lines ?? [];
  const later = await unwritten(host, segment, Number(closed.lines[0]), listed, writer);
  const [found] = await filesInErrors(host, [server], user);
  const aside = (found?.names ?? []).filter((name) => name.startsWith(segment.slice(0, 8)));
  if (later.length > 0 || aside.length > 0) throw strayWal(segment, later, aside, server, host.name);
  return { compared: own.size };
}

/**
 * Of a node's own segments, in order, those that the archive has otherwise, or lacks: what comes before the first one
 * that it has was let go of there (by the first backup, by a retention policy).
 */
export function differingFrom(
  own: ReadonlyMap<string, string>,
  copies: ReadonlyMap<string, string>,
): readonly string[] {
  const names = [...own.keys()].sort();
  const first = names.findIndex((name) => copies.has(name));
  return first === -1
    ? names.slice(-1)
    : names.slice(first).filter((name) => copies.get(name) !== own.get(name));
}

/** Segments of the timeline that the archive has, and that the node, asked afterwards, has not come to the end of. */
async function unwritten(
  host: ReadHost,
  segment: WalSegment,
  bytes: number,
  listed: readonly string[],
  writer: Writer | undefined,
): Promise<readonly string[]> {
  const size = parseSegmentSize(bytes);
  if (writer === undefined || size === undefined) return [];
  const after =
    (last: number) =>
    (name: string): boolean => {
      const other = parseSegment(name);
      return (
        other !== undefined && timelineOf(other) === timelineOf(segment) && segmentNumber(other, size) > last
      );
    };
  const last = segmentNumber(segment, size);
  const later = listed.filter(after(last));
  if (later.length === 0) return [];
  const written = await writtenUpTo(host.peer(writer.node), segment, writer);
  return later.filter(after(Math.max(last, numberHolding(written, size) - 1)));
}

async function writtenUpTo(host: ReadHost, segment: WalSegment, { pgdata, user }: Writer): Promise<Lsn> {
  const found = await host.query(FIND_PROGRAMS([pgdata], { user }));
  if (found.exitCode !== 0) throw unproved(host.name, segment)(evidenceOf(found));
  const asked = await host.query(readOnlySession({ pgdata, bin: found.stdout.trim(), user }, [WRITTEN]));
  const written = asked.exitCode === 0 ? parseLsn(asked.stdout) : undefined;
  if (written === undefined) throw unproved(host.name, segment)(evidenceOf(asked));
  return written;
}

/** The checksums of a node's own last segments up to this one, by name: of as many as `bytes` hold, with it. */
export async function ownSegments(
  host: ReadHost,
  segment: WalSegment,
  { pgdata, user }: Pick<Writer, 'pgdata' | 'user'>,
  bytes: number,
): Promise<ReadonlyMap<string, string>> {
  const words = [pgdata, segment, String(MOST), String(bytes)];
  const look = READ_OWN(words, { user, timeoutMs: DEADLINE_MS });
  const parts = checksumsOf(await host.query(look), unproved(host.name, segment));
  // One that was recycled while it was read has no checksum.
  return new Map(
    parts.flatMap(({ rest, lines: [sha256] }) => (sha256 === undefined ? [] : [[rest, sha256]])),
  );
}

/** Why a file of these bytes and this beginning is not the segment of that name; nothing where it is. */
export function whyOther(
  segment: WalSegment,
  [bytes = '', head = '']: readonly string[],
  systemId: string | undefined,
): string | undefined {
  const size = parseSegmentSize(Number(bytes));
  if (size === undefined) return `it has ${bytes} bytes, which no WAL segment has`;
  const begin = Buffer.from(head, 'hex');
  return whyOtherHead(segment, begin, size, systemId);
}

function unproved(
  host: string,
  segment: WalSegment,
  server?: ProvedServer,
): (evidence: CommandEvidence) => PitrError {
  return (evidence) =>
    new PitrError({
      kind: 'failed',
      code: 'archive-not-proved',
      message: `cannot tell whether ${segment} is archived as it was written`,
      host,
      evidence,
      next: [
        server === undefined
          ? 'See whether its pg_wal can be read, and whether its PostgreSQL answers.'
          : `See: ls -l ${quote(`${server.wals}/${segment.slice(0, 16)}`)}`,
      ],
    });
}
