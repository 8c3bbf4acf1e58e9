import { posix } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { refusal } from '../../base/errors/refusal.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type PathState, pathResource } from '../../system/fs/path-resource.ts';
import { parentOf } from '../../system/fs/paths.ts';
import { identityOf, type Place, placesOf } from '../../system/fs/place.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import { refuseAtWork } from './at-work.ts';
import { AT_WORK } from './at-work-script.ts';

/** The WAL directory that `pg_wal` of a data directory links to, and its name when the data directory moves. */
export interface LinkedWal {
  readonly from: string;
  readonly to: string;
}

/** As it is journalled: device and inode tell it again. */
export interface MovedWal extends LinkedWal {
  readonly identity: string;
}

/** Where `pg_wal` of a directory links to, absolute; undefined where it is no link, or there is none. */
export async function linkedWalOf(host: ReadHost, directory: string): Promise<string | undefined> {
  const link = await host.look(pathResource, `${directory}/pg_wal`);
  if (link instanceof Unknown || link.kind !== 'symlink' || link.target === undefined) return undefined;
  return posix.resolve(directory, link.target);
}

/**
 * The WAL directory gets and loses the ending that the data directory gets and loses: what is kept of a member is then
 * kept as a whole, and the place where its WAL belongs is free. Undefined where the move gives and takes none.
 */
export function walBeside(src: string, dest: string, wal: string): LinkedWal | undefined {
  if (dest.startsWith(`${src}.`)) {
    const ending = dest.slice(src.length);
    return wal.endsWith(ending) ? undefined : { from: wal, to: `${wal}${ending}` };
  }
  if (src.startsWith(`${dest}.`)) {
    const ending = src.slice(dest.length);
    return wal.endsWith(ending) ? { from: wal, to: wal.slice(0, -ending.length) } : undefined;
  }
  return undefined;
}

// The link points to the new name before and after a controller that died in between.
const MOVE = `${AT_WORK}
link=$1/pg_wal
[ -e "$2" ] || [ ! -d "$3" ] || [ "$(readlink -- "$link")" != "$3" ] || exit 0
if [ -d "$1" ]; then postgres_at_work "$1" below || exit; fi
if [ -d "$2" ] && [ ! -e "$3" ]; then mv -T -n -- "$2" "$3" || exit; fi
if [ -e "$2" ] || [ ! -d "$3" ]; then ls -ld -- "$2" "$3" >&2; exit 17; fi
rm -f -- "$link.pitr-new" && ln -s -- "$3" "$link.pitr-new" &&
  chown -h --reference="$1" -- "$link.pitr-new" && mv -T -f -- "$link.pitr-new" "$link"`;

/**
 * Renames the WAL directory of a stopped data directory, and lets its `pg_wal` point there. Can be repeated. Throws kind
 * `refused` where a PostgreSQL works there, or nobody can tell (at-work.ts).
 */
export async function moveLinkedWal(
  host: WriteHost,
  directory: string,
  { from, to }: LinkedWal,
): Promise<void> {
  const result = await host.run(['sh', '-c', MOVE, 'sh', directory, from, to]);
  if (result.exitCode === 0) return;
  refuseAtWork(result, directory, 'its WAL is not moved under it');
  if (result.exitCode === 17) {
    throw new PitrError({
      kind: 'failed',
      code: 'wal-not-moved',
      message: `the WAL directory ${from} of ${directory} was not renamed to ${to}`,
      evidence: { command: `mv -T -n ${quote(from)} ${quote(to)}`, stderr: result.stderr.trim() },
      state: `${from} and ${to} are as they were.`,
      next: [`See what lies there: ls -ld ${quote(from)} ${quote(to)}`],
    });
  }
  throw commandFailed({ ...result, argv: ['mv', '-T', '-n', from, to] }, host.name);
}

/** The WAL directory that moves with a data directory whose pg_wal is a link. */
export interface WalState extends LinkedWal {
  readonly fromKind: PathState | Unknown;
  readonly toKind: PathState | Unknown;
  readonly place: Place;
}

/** Reads the WAL that goes along when a data directory moves whose WAL is `linked`; undefined where none does. */
export async function readWal(
  host: ReadHost,
  src: string,
  dest: string,
  linked: string | undefined,
): Promise<WalState | undefined> {
  const wal = linked === undefined ? undefined : walBeside(src, dest, linked);
  if (wal === undefined) return undefined;
  const [fromKind, toKind, places] = await Promise.all([
    host.look(pathResource, wal.from),
    host.look(pathResource, wal.to),
    placesOf(host, wal.from, parentOf(wal.to)),
  ]);
  return { ...wal, fromKind, toKind, place: places[0] };
}

/** The WAL directory as it goes with its data; nothing where the link leads nowhere. */
export function planWal(wal: WalState | undefined): MovedWal | undefined {
  if (wal === undefined) return undefined;
  const { from, to, place } = wal;
  const there = known(wal.fromKind).kind !== 'absent';
  const moved = known(wal.toKind).kind !== 'absent';
  if (!there && !moved) return undefined;
  if (there && moved) {
    throw refusal(
      'destination-exists',
      `${to} exists, and so does ${from}: nothing is moved over or into it`,
      [`ls -ld ${quote(from)} ${quote(to)}`],
    );
  }
  if (there && place.mount === from) {
    throw refusal(
      'wal-mount-point',
      `pg_wal is a link to ${from}, which is a mount point and cannot be renamed`,
      [
        `Put the WAL into a directory below it (${from}/wal), and let pg_wal and waldir of Patroni's basebackup name that.`,
      ],
    );
  }
  return { from, to, identity: identityOf(place) };
}
