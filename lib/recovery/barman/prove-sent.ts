import { type CommandEvidence, PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { parseSegment } from '../wal/segment.ts';
import type { BarmanPlace, SentFile } from './archive-tail.ts';
import { readCatalogue } from './catalogue.ts';
import { checksumsOf } from './checksums.ts';
import { readServers, serversThatCount } from './counted-servers.ts';

const DEADLINE_MS = 300_000;

// Arguments: data directory, names of segments.
const OWN = probeScript(`
cd -- "$1/pg_wal" || exit 3
shift
for name in "$@"; do echo "@sum $name"; sha256sum <"$name" | cut -c 1-64 | sed 's/^/ /'; done
echo @end`);

// Arguments: of each copy its server, that server's wals directory, its name.
const COPIES = probeScript(`
while [ $# -gt 0 ]; do
  f="$2/\${3%????????}/$3"
  if [ -f "$f" ]; then
    echo "@sum $3"
    case $(od -An -tx1 -N2 -- "$f") in
      *' d1') cat -- "$f" ;;
      ' 1f 8b'*) gzip -dc <"$f" ;;
      *) barman get-wal "$1" "$3" ;;
    esac 2>/dev/null | sha256sum | cut -c 1-64 | sed 's/^/ /'
  fi
  shift 3
done
echo @end`);

/**
 * Proves that the segments that a node has sent lie in an archive byte for byte: Barman ends well too when it has another
 * file of that name, and keeps that one. Throws kind `failed` (`archive-not-proved`).
 */
export async function proveSent(
  host: ReadHost,
  barman: BarmanPlace,
  {
    pgdata,
    user,
    systemId,
    files,
  }: {
    readonly pgdata: string;
    readonly user: string;
    readonly systemId: string;
    readonly files: readonly SentFile[];
  },
): Promise<void> {
  const names = files.flatMap(({ name, as }) => (name === as ? (parseSegment(name) ?? []) : []));
  if (names.length === 0) return;
  const peer = host.peer(barman.host);
  const { servers: all } = await readCatalogue(peer, barman.user);
  serversThatCount(all, { names: barman.servers, clusters: [systemId] }, barman.host);
  const servers = readServers(all);
  const places = servers.flatMap(({ name, wals }) => names.flatMap((segment) => [name, wals, segment]));
  const own = checksumsOf(
    await host.query(OWN([pgdata, ...names], { user, timeoutMs: DEADLINE_MS })),
    unproved(host.name),
  );
  const there = checksumsOf(
    await peer.query(COPIES(places, { user: barman.user, timeoutMs: DEADLINE_MS })),
    unproved(barman.host, servers.map(({ wals }) => wals).join(' ')),
  );
  const copies = new Set(there.map(({ rest, lines: [sum = ''] }) => `${rest} ${sum}`));
  const other = own
    .filter(({ rest, lines: [sum = ''] }) => !copies.has(`${rest} ${sum}`))
    .map(({ rest }) => rest);
  if (other.length === 0) return;
  throw new PitrError({
    kind: 'failed',
    code: 'archive-not-proved',
    message: `what lies in Barman's archive under these names is not what ${host.name} has in pg_wal: ${other.join(', ')}`,
    details: ['Barman keeps the first file of a name and puts later ones into errors/ of the server.'],
    host: barman.host,
    next: [
      `Compare them, put the right ones in place of the wrong ones, then: barman rebuild-xlogdb <server>. ${host.name} has the right ones in ${pgdata}/pg_wal.`,
    ],
  });
}

/** `archives`: the directories that were read there; where there are none, it was pg_wal. */
function unproved(host: string, archives?: string): (evidence: CommandEvidence) => PitrError {
  return (evidence) =>
    new PitrError({
      kind: 'failed',
      code: 'archive-not-proved',
      message: 'cannot tell whether what was sent is what is archived',
      host,
      evidence,
      next: [archives === undefined ? 'See whether its pg_wal can be read.' : `See: ls -l ${archives}`],
    });
}
