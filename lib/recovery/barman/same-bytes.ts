import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { quote } from '../../transport/quote.ts';
import type { SegmentSize } from '../wal/segment.ts';
import { readCatalogue } from './catalogue.ts';
import { checksumsOf } from './checksums.ts';
import type { ServerConfig } from './config.ts';
import { type Counted, serversThatCount } from './counted-servers.ts';
import { segmentsAtOnce, UNPACKED } from './wal-file.ts';

const DEADLINE_MS = 300_000;

// Arguments: data directory, names of segments. Of one that is not there any more nothing is said.
const OWN = probeScript(`
cd -- "$1/pg_wal" || exit 3
shift
for name in "$@"; do
  [ -f "$name" ] || continue
  echo "@sum $name"; sha256sum <"$name" | cut -c 1-64 | sed 's/^/ /'
done
echo @end`);

// Arguments: of each copy its server, its path, its name. Under each heading: the exit code of what unpacked it, and the
// checksum. Whatever cannot be unpacked here Barman has to deliver: it may have a library where this host has no program.
// Asked for a beginning it would deliver what it is still receiving, and not this file: it is asked for whole ones alone.
const COPIES = probeScript(`${UNPACKED}
summed() { { { "$@" 2>/dev/null; echo "$?" >&3; } | sha256sum | cut -c 1-64 >&3; } 3>&1; }
while [ $# -gt 0 ]; do
  f=$2
  if [ -f "$f" ]; then
    echo "@sum $3 $f"
    said=$(summed unpacked "$f")
    case "$said $3" in 0*|*.partial) ;; *) said=$(summed barman get-wal "$1" "$3") ;; esac
    printf '%s\\n' "$said" | sed 's/^/ /'
  fi
  shift 3
done
echo @end`);

/** A file of pg_wal and the name under which it goes into the archive. */
export interface SentFile {
  readonly name: string;
  readonly as: string;
}

/** Barman, as the host sees it that looks at its archives. */
export interface BarmanPlace {
  readonly host: string;
  readonly user: string;
  /** The servers of the cluster; those of its system id, and of none, where they are not named. */
  readonly servers?: readonly string[] | undefined;
}

/**
 * The servers in whose archives WAL of a cluster is looked for: never those of a known other one. What is archived under a
 * name there is not wrong, and must not be put aside. Throws the error of one that could not be read and counts.
 */
export function serversOf<T extends Counted>(
  all: readonly T[],
  { host, servers: names }: BarmanPlace,
  systemId: string,
): readonly T[] {
  return serversThatCount(all, { names, clusters: [systemId] }, host).filter(
    (server) => server.systemId === undefined || server.systemId === systemId,
  );
}

/** Whose pg_wal is compared, and with the archives of which cluster. */
export interface OwnWal {
  readonly pgdata: string;
  readonly user: string;
  readonly systemId: string;
  readonly segmentSize: SegmentSize;
}

/**
 * Where a copy counts. `arrived`: also what waits in incoming/ for Barman to take it in, and a whole segment that Barman has
 * received by streaming.
 */
interface Comparison {
  readonly where: 'archived' | 'arrived';
  readonly progress?: ((text: string) => void) | undefined;
}

/** A file that the node has, and no archive has byte for byte. */
export interface OtherBytes {
  readonly file: SentFile;
  /** It was there a moment ago, and has left pg_wal since. */
  readonly gone: boolean;
  /** What lies in an archive under its name. `unread`: nobody could unpack it, so it may be the same. */
  readonly copies: readonly { readonly server: string; readonly path: string; readonly unread?: true }[];
}

/**
 * Those of a node's segments and beginnings that are not known to lie in an archive byte for byte. A beginning that Barman
 * receives by streaming never counts: nothing says how far it reaches. Throws kind `failed` (`archive-not-proved`) where
 * that cannot be told.
 */
export async function otherBytes(
  host: ReadHost,
  barman: BarmanPlace,
  { pgdata, user, systemId, segmentSize }: OwnWal,
  files: readonly SentFile[],
  { where, progress }: Comparison,
): Promise<readonly OtherBytes[]> {
  if (files.length === 0) return [];
  const peer = host.peer(barman.host);
  const servers = serversOf((await readCatalogue(peer, barman.user)).servers, barman, systemId);
  const other: OtherBytes[] = [];
  const batch = segmentsAtOnce(segmentSize);
  for (let from = 0; from < files.length; from += batch) {
    progress?.(`comparing what is archived with pg_wal (${from} of ${files.length})`);
    const some = files.slice(from, from + batch);
    const names = some.map(({ name }) => name);
    const own = checksumsOf(
      await host.query(OWN([pgdata, ...names], { user, timeoutMs: DEADLINE_MS })),
      unproved(host.name),
    );
    const places = some.flatMap((file) =>
      servers.flatMap((server) =>
        pathsOf(server, file, where).flatMap((path) => [server.name, path, file.as]),
      ),
    );
    const there = checksumsOf(
      await peer.query(COPIES(places, { user: barman.user, timeoutMs: DEADLINE_MS })),
      unproved(barman.host, servers.map(({ wals }) => wals).join(' ')),
    ).map(({ rest, lines: [code, sum] }) => ({
      as: rest.slice(0, rest.indexOf(' ')),
      rest,
      sum: code === '0' ? sum : undefined,
    }));
    for (const file of some) {
      const mine = own.find(({ rest }) => rest === file.name);
      const copies = there.filter(({ as }) => as === file.as);
      if (mine !== undefined && copies.some(({ sum }) => sum === mine.lines[0])) continue;
      const placed = copies.map(({ as, rest, sum }) => {
        const path = rest.slice(as.length + 1);
        const server = servers.find((one) => pathsOf(one, file, where).includes(path))?.name ?? '';
        return { server, path, ...(sum === undefined ? { unread: true as const } : {}) };
      });
      other.push({ file, gone: mine === undefined, copies: placed });
    }
  }
  return other;
}

function pathsOf(
  { wals, incoming, streaming }: Pick<ServerConfig, 'wals' | 'incoming' | 'streaming'>,
  { name, as }: SentFile,
  where: Comparison['where'],
): readonly string[] {
  const archived = `${wals}/${name.slice(0, 16)}/${as}`;
  if (where === 'archived') return [archived];
  return [archived, `${incoming}/${as}`, ...(name === as ? [`${streaming}/${as}`] : [])];
}

/**
 * Kind `failed` (`archive-not-proved`): under these names lies something else than what the node has; or nobody can tell,
 * where that is so of all of them.
 */
export function notTheSame(
  other: readonly OtherBytes[],
  node: string,
  pgdata: string,
  barman: BarmanPlace,
): PitrError {
  const mayBe = other.filter(({ copies }) => copies.some(({ unread }) => unread));
  const differing = other.filter((one) => !mayBe.includes(one));
  const unread = mayBe.flatMap(({ file, copies }) => copies.map((copy) => ({ ...copy, name: file.as })));
  const cannotRead = unread
    .filter((copy) => copy.unread)
    .map(({ server, path }) => `${server} has ${path}, which nobody could unpack`);
  const first = unread.find((copy) => copy.unread);
  if (first !== undefined && differing.length === 0) {
    return new PitrError({
      kind: 'failed',
      code: 'archive-not-proved',
      message: `cannot tell whether what is archived is what ${node} has in pg_wal: ${mayBe.map(({ file }) => file.as).join(', ')}`,
      details: [...cannotRead, `${node} has its own in ${pgdata}/pg_wal. Keep that until this is settled.`],
      host: barman.host,
      next: [
        `See why, on ${barman.host} as ${barman.user}: barman get-wal ${first.server} ${first.name} | wc -c`,
        'Where a program is missing that unpacks it (gzip, bzip2, xz, zstd, lz4), install it there. Then run this again.',
        `Where the file itself is broken, put it aside and run this again: ${moveAside(first.server, first.path)}`,
      ],
    });
  }
  return new PitrError({
    kind: 'failed',
    code: 'archive-not-proved',
    message: `what lies in Barman's archive under these names is not what ${node} has in pg_wal: ${differing.map(({ file }) => file.as).join(', ')}`,
    details: [
      'Barman keeps the first file of a name and puts later ones into errors/ of the server.',
      `${node} has its own in ${pgdata}/pg_wal. Keep that until this is settled.`,
      ...differing.flatMap(({ copies }) => copies).map(({ server, path }) => `${server} has ${path}`),
      ...cannotRead,
    ],
    host: barman.host,
    next: [
      'Compare them. A file that is cut off, or is of another cluster, is the wrong one.',
      ...asideCommands(differing, barman),
    ],
  });
}

/** How to make room in an archive for what a node has; nothing where nothing lies there. */
export function asideCommands(
  other: readonly Pick<OtherBytes, 'copies'>[],
  { host, user }: BarmanPlace,
): readonly string[] {
  const [first, ...more] = other
    .flatMap(({ copies }) => copies.filter(({ unread }) => !unread))
    .map(({ server, path }) => `${moveAside(server, path)} && barman rebuild-xlogdb ${quote(server)}`);
  if (first === undefined) return [];
  return [
    `Put the wrong ones aside on ${host}, as ${user}: ${[first, ...more.slice(0, 7)].join(' ; ')}`,
    'Then run this again: what is not archived is sent.',
  ];
}

/** The command that puts a file of an archive aside, under a name that no other one is given, nor another place of its server. */
export function moveAside(server: string, path: string): string {
  const [place = '', name = ''] = path.split('/').slice(-2);
  const words = name.startsWith(place) ? [server, name] : [server, place, name];
  return `mv -n ${quote(path)} ~/${quote(words.join('.'))}`;
}

/** Kind `failed` (`archive-not-proved`): `archives` are the directories that were read there; where there are none, it was pg_wal. */
export function unproved(host: string, archives?: string): (evidence: CommandEvidence) => PitrError {
  return (evidence) =>
    new PitrError({
      kind: 'failed',
      code: 'archive-not-proved',
      message: 'cannot tell whether what is archived is what this node has',
      host,
      evidence,
      next: [
        archives === undefined ? 'See whether its pg_wal can be read.' : `See: ls -l ${quote(archives)}`,
      ],
    });
}
