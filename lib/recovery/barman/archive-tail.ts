import { PitrError } from '../../base/errors/pitr-error.ts';
import { until } from '../../base/wait/until.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import { type ArchiveSettings, filledArchiveCommand } from '../postgres/archive-command.ts';
import { ARCHIVE_LIBRARY_SINCE } from '../postgres/version.ts';
import { type Archive, archivesOf } from '../wal/archive.ts';
import { parseSegment } from '../wal/segment.ts';
import { readCatalogueAndArchives } from './catalogue.ts';
import {
  asideCommands,
  type BarmanPlace,
  type OtherBytes,
  type OwnWal,
  otherBytes,
  type SentFile,
  serversOf,
} from './same-bytes.ts';

// As the server itself was started: its configuration may lie elsewhere. Who does not know a setting says so in the
// language of its configuration: it is asked only from the version on that has it ($3).
const SETTINGS = probeScript(`
major=$(cat -- "$1/PG_VERSION") || exit
case $major in ''|*[!0-9]*) echo "$1/PG_VERSION does not hold a version: $major" >&2; exit 1 ;; esac
names='archive_mode archive_command'
[ "$major" -lt "$3" ] || names="$names archive_library"
file=$(sed -n 's/.*"--config-file=\\([^"]*\\)".*/\\1/p' "$1/postmaster.opts" 2>/dev/null)
for name in $names; do
  echo "@$name"
  if [ -n "$file" ] && [ -r "$file" ]; then "$2/postgres" -D "$1" -c "config_file=$file" -C "$name"
  else "$2/postgres" -D "$1" -C "$name"; fi || exit 1
done
echo @end`);

/** How the node archives by itself. Throws kind `failed` (`settings-unreadable`). */
export async function readArchiveSettings(
  host: ReadHost,
  place: { readonly pgdata: string; readonly bin: string; readonly user: string },
): Promise<ArchiveSettings> {
  const told = await host.query(
    SETTINGS([place.pgdata, place.bin, String(ARCHIVE_LIBRARY_SINCE)], {
      user: place.user,
      timeoutMs: 30_000,
    }),
  );
  const value = (name: string): string =>
    new RegExp(`^@${name}\\n([\\s\\S]*?)\\n?^@`, 'm').exec(told.stdout)?.[1] ?? '';
  if (told.exitCode === 0 && /^@end$/m.test(told.stdout)) {
    return {
      mode: value('archive_mode').trim(),
      command: value('archive_command'),
      library: value('archive_library'),
    };
  }
  throw new PitrError({
    kind: 'failed',
    code: 'settings-unreadable',
    message: `cannot read how the PostgreSQL on ${place.pgdata} archives`,
    host: host.name,
    evidence: { ...evidenceOf(told), command: `postgres -D ${quote(place.pgdata)} -C archive_command` },
  });
}

/** What lies in the archives of the cluster. Throws the error of a server that could not be read and counts. */
export async function readArchivesOf(
  host: ReadHost,
  barman: BarmanPlace,
  systemId: string,
): Promise<readonly Archive[]> {
  const { servers, archives } = await readCatalogueAndArchives(host.peer(barman.host), barman.user, {
    whose: () => ({ names: barman.servers, clusters: [systemId] }),
  });
  return archivesOf(serversOf(servers, barman, systemId), archives);
}

// The beginning of a segment gets its name in a directory that nobody else can enter; its times go with it. The command
// is PostgreSQL's own word to a shell, and stands where a running server would give it: in the data directory.
const SEND = `
cd -- "$1" || exit
name=$2 as=$3 command=$4
if [ "$name" != "$as" ]; then
  umask 077
  copy=$(mktemp -d /tmp/pitr-tail.XXXXXX) || exit
  trap 'rm -rf -- "$copy"' EXIT
  trap 'exit 143' TERM INT HUP
  cp -p -- "pg_wal/$name" "$copy/$as" || exit
  command=$(printf '%s' "$command" | sed "s|@pitr-copy@|$copy|g")
fi
sh -c "$command"`;

/**
 * Sends files the way the node itself archives, in order. Throws kind `failed` (`archive-command-failed`) with the
 * command's own words at the first one that does not go; those before it are archived, and nothing else is touched.
 */
export async function sendFiles(
  host: WriteHost,
  job: {
    readonly pgdata: string;
    readonly user: string;
    readonly command: string;
    readonly files: readonly SentFile[];
  },
  timeoutMs: number,
  context: Pick<WorkContext, 'signal' | 'progress'>,
): Promise<void> {
  for (const [index, { name, as }] of job.files.entries()) {
    context.progress(`archiving ${as} (${index + 1} of ${job.files.length})`);
    const path = name === as ? `pg_wal/${name}` : `@pitr-copy@/${as}`;
    const command = filledArchiveCommand(job.command, path, as);
    const sent = await host.run(['sh', '-c', SEND, 'sh', job.pgdata, name, as, command], {
      user: job.user,
      ownChannel: true,
      timeoutMs,
      signal: context.signal,
    });
    if (sent.exitCode === 0) continue;
    throw new PitrError({
      kind: 'failed',
      code: 'archive-command-failed',
      message: `${as} cannot be archived: the archive_command of this node failed`,
      host: host.name,
      evidence: { ...evidenceOf(sent), command: command.replace('@pitr-copy@', '/tmp/pitr-tail.*') },
      state: `${index} of ${job.files.length} files of pg_wal were archived; nothing else was changed.`,
      next: ['Mend the way to the archive and run it again: what is archived is not sent twice.'],
    });
  }
}

/**
 * Lets Barman take in what has arrived, and proves by its archives that all of it is there. Barman puts a file aside
 * without a word when it has another one of that name: then what is there is not what was sent. The beginning of a
 * segment is there when its very bytes are: Barman may have another beginning of it.
 */
export async function proveArchived(
  host: WriteHost,
  barman: BarmanPlace,
  own: OwnWal,
  files: readonly SentFile[],
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const peer = host.peer(barman.host);
  const beginnings = files.filter(({ name, as }) => name !== as);
  const others = files.filter(({ name, as }) => name === as);
  const look = async (): Promise<readonly Pick<OtherBytes, 'file' | 'copies'>[]> => {
    const archives = await readArchivesOf(host, barman, own.systemId);
    const holding = archives.filter((archive) => files.some((file) => holds(archive, file)));
    for (const { server } of holding) {
      // Another one may be at work; then it is that one that takes the files in.
      await peer.run(['barman', 'archive-wal', server], { user: barman.user, ownChannel: true, signal });
    }
    const now = await readArchivesOf(host, barman, own.systemId);
    const missing = others.filter((file) => !now.some((archive) => holds(archive, file)));
    const other = await otherBytes(host, barman, own, beginnings, { where: 'archived' });
    return [...missing.map((file) => ({ file, copies: [] })), ...other];
  };
  await until(look, {
    everyMs: 500,
    deadlineMs: timeoutMs,
    signal,
    done: (missing) => missing.length === 0,
    late: (missing) =>
      new PitrError({
        kind: 'failed',
        code: 'tail-not-archived',
        message: `the archive_command of ${host.name} has ended well, and Barman does not hold ${missing.map(({ file }) => file.as).join(', ')}`,
        details: [
          'Barman puts a file aside (errors/ of the server) when it has another one of that name.',
          ...missing.flatMap(({ copies }) => copies).map(({ server, path }) => `${server} has ${path}`),
        ],
        host: barman.host,
        next: [
          `Where does ${host.name} archive to? archive_command must lead to a server of this Barman (barman_servers).`,
          ...asideCommands(missing, barman),
        ],
      }),
  });
}

/** Whether an archive has a file of that name. */
function holds(archive: Archive, { name, as }: SentFile): boolean {
  const segment = parseSegment(name);
  if (segment === undefined)
    return archive.histories.some(
      ({ history }) => history.timeline === Number.parseInt(name.slice(0, 8), 16),
    );
  return archive.files.some((file) => file.segment === segment && file.partial === (name !== as));
}
