import { z } from 'zod';
import { refusal } from '../../base/errors/refusal.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule } from '../../contract/module.ts';
import { refuseAtWork } from '../../recovery/postgres/at-work.ts';
import { AT_WORK } from '../../recovery/postgres/at-work-script.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';
import { type PathState, pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath } from '../../system/fs/paths.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';

const params = z.strictObject({
  place: absolutePath.describe('the directory that pg_wal is to be a link to; nothing may be there yet'),
  pgdata: instanceParams.pgdata,
  user: instanceParams.user,
});

type Params = z.output<typeof params>;

interface State {
  readonly wal: PathState | Unknown;
  readonly place: PathState | Unknown;
}

interface PlaceChange extends Change {
  readonly pgdata: string;
  readonly place: string;
  readonly user: string;
}

export const module = defineModule({
  summary:
    'Lets pg_wal of restored data be a link to a directory elsewhere, on the volume that is meant for WAL.',
  description:
    'A restored backup holds pg_wal as a directory, whatever it was where the backup comes from. What is in it goes along. ' +
    'For data on which no PostgreSQL runs.',
  examples: `- postgres.wal_place:
    place: /srv/wal/15-main`,
  params,
  returns: { place: 'where the WAL is' },
  read: async (host, { pgdata, place }: Params): Promise<State> => {
    const [wal, there] = await Promise.all([
      host.look(pathResource, `${pgdata}/pg_wal`),
      host.look(pathResource, place),
    ]);
    return { wal, place: there };
  },
  plan: ({ wal, place: there }, { pgdata, place, user }): PlaceChange | undefined => {
    // Not restored yet, in check mode: what comes is a directory.
    const kind = wal instanceof Unknown ? 'directory' : wal.kind;
    if (!(wal instanceof Unknown) && wal.kind === 'symlink' && wal.target === place) return undefined;
    if (kind !== 'directory' && kind !== 'absent') {
      throw refusal('wal-is-elsewhere', `pg_wal in ${pgdata} is no directory`, [
        `ls -ld ${quote(`${pgdata}/pg_wal`)}`,
      ]);
    }
    if (known(there).kind !== 'absent') {
      throw refusal('wal-place-in-use', `${place} exists: the WAL of ${pgdata} is not laid into or over it`, [
        `ls -la ${quote(place)}`,
      ]);
    }
    return { summary: `let pg_wal in ${pgdata} be a link to ${place}`, pgdata, place, user };
  },
  unchanged: (_state, { place }) => ({ place }),
  predict: ({ place }) => ({ result: { place } }),
  effects: ({ pgdata, place }) => [
    { kind: pathResource.kind, id: `${pgdata}/pg_wal`, state: `a link to ${place}`, lasts: 'for good' },
  ],
  apply: async (host, { pgdata, place, user }) => {
    await moveWal(host, OUT, { pgdata, place, user });
    return { place };
  },
  undo: async (host, { pgdata, place, user }) => {
    await moveWal(host, IN, { pgdata, place, user });
  },
  undoShown: ({ pgdata, place }) => [`moves ${place} to ${pgdata}/pg_wal`],
});

const IDLE = `${AT_WORK}
postgres_at_work "\${1%/pg_wal}" || exit`;

// Copied to a name of its own first, so that what a dead controller leaves is never taken for the whole.
const OUT = `${IDLE}
set -eu
[ ! -L "$1" ] || exit 0
umask 077
if [ ! -d "$2" ]; then
  rm -rf -- "$2.pitr-copy"
  cp -a -- "$1" "$2.pitr-copy"
  mv -T -n -- "$2.pitr-copy" "$2"
fi
ln -sfn -- "$2" "$1.pitr-link"
mv -T -- "$1" "$1.pitr-old"
mv -T -- "$1.pitr-link" "$1"
sync -f -- "$2" 2>/dev/null || sync
rm -rf -- "$1.pitr-old"`;

// What lies at the place is removed only where it is the very WAL that lies in the data again.
const IN = `
no() { echo "$*" >&2; exit 1; }
[ -d "\${1%/pg_wal}" ] || no "\${1%/pg_wal} is not there any more; its WAL stays in $2"
${IDLE}
set -eu
umask 077
# The directory itself, which shows that it was looked into, and the files of which the other has no such one.
differ() { cd -- "$1" && find . -path . -print -o -type f -exec sh -c '
  for f do cmp -s -- "$f" "$0/$f" || printf "%s\\n" "$f"; done' "$2" {} +; }
if [ -L "$1" ]; then
  [ "$(readlink -- "$1")" = "$2" ] || no "$1 leads to $(readlink -- "$1"), and not to $2"
  rm -rf -- "$1.pitr-copy"
  cp -a -- "$2" "$1.pitr-copy"
  rm -f -- "$1"
fi
if [ -d "$1.pitr-copy" ] && [ ! -e "$1" ]; then mv -T -- "$1.pitr-copy" "$1"; fi
if [ -d "$1.pitr-old" ] && [ ! -e "$1" ]; then mv -T -- "$1.pitr-old" "$1"; fi
[ -d "$1" ] || no "$1 is not there, and $2 is left as it is"
if [ -e "$2" ]; then
  found=$(differ "$2" "$1") || found=
  case $found in
  .) ;;
  '') no "$2 cannot be compared with $1, and is left as it is" ;;
  *) no "$2 holds files that are not in $1: it is left as it is" ;;
  esac
  sync -f -- "$1" 2>/dev/null || sync
fi
rm -rf -- "$1.pitr-old" "$1.pitr-link" "$2" "$2.pitr-copy"`;

async function moveWal(
  host: WriteHost,
  script: string,
  { pgdata, place, user }: Pick<PlaceChange, 'pgdata' | 'place' | 'user'>,
): Promise<void> {
  const wal = `${pgdata}/pg_wal`;
  const moved = await host.run(['sh', '-c', script, 'sh', wal, place], { user, cwd: '/', ownChannel: true });
  refuseAtWork(moved, pgdata, 'its WAL is not moved under it');
  if (moved.exitCode !== 0) throw commandFailed({ ...moved, argv: ['mv', wal, place] }, host.name);
}
