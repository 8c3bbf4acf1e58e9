import { posix } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { refusal } from '../../base/errors/refusal.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { changedSince } from '../../system/fs/file-apply.ts';
import { commandFailed, evidenceOf } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';
import { refuseAtWork } from './at-work.ts';
import { AT_WORK } from './at-work-script.ts';

/** What lies in a data directory, and in the directory below it that takes it in. */
export interface Below {
  readonly entries: readonly string[];
  /** Undefined where that directory is not there. */
  readonly below?: readonly string[];
}

const NOT_MOVED = 'what it holds is not moved under it';

/** Without it no PostgreSQL starts in a directory: it goes first, and comes back last. */
const FIRST = 'PG_VERSION';

// Names that begin with a dot are none of PostgreSQL's, and file systems and home directories have theirs; Patroni takes a
// directory with such names, and lost+found, for an empty one.
const LOOK = probeScript(`
cd -- "$1" && [ -r . ] || exit 3
for name in *; do
  [ -e "$name" ] || [ -L "$name" ] || continue
  case $name in lost+found | "$2") ;; *) printf '%s\\n' "@entry $name" ;; esac
done
if [ -e "$2" ] || [ -L "$2" ]; then
  [ -d "$2" ] && [ ! -L "$2" ] || exit 4
  cd -- "$2" && [ -r . ] || exit 3
  echo @below
  for name in * .[!.]*; do
    [ -e "$name" ] || [ -L "$name" ] || continue
    printf '%s\\n' "@inside $name"
  done
fi
echo @end`);

/** Throws kind `failed` (`data-directory-unreadable`) where it cannot be seen. */
export async function readBelow(host: ReadHost, pgdata: string, into: string): Promise<Below> {
  const answer = await host.query(LOOK([pgdata, posix.basename(into)]));
  const lines = answer.stdout.split('\n').filter((line) => line !== '');
  if (answer.exitCode === 4) throw occupied(pgdata, into, 'it is no directory');
  if (answer.exitCode !== 0 || lines.at(-1) !== '@end') {
    throw new PitrError({
      kind: 'failed',
      code: 'data-directory-unreadable',
      message: `cannot look into the data directory ${pgdata}`,
      host: host.name,
      evidence: evidenceOf(answer),
      next: ['Let the task become root or the owner of the data directory (become: true).'],
    });
  }
  const named = (word: string) =>
    lines.flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  return {
    entries: named('@entry'),
    ...(lines.includes('@below') ? { below: named('@inside') } : {}),
  };
}

/**
 * The names that are still to be moved, the first one first; nothing where all are. Throws kind `refused`
 * (`destination-exists`) where the directory below holds anything but what was moved there before.
 */
export function planBelow({ entries, below }: Below, pgdata: string, into: string): readonly string[] {
  if (posix.dirname(into) !== pgdata || /^(\.|lost\+found$)/.test(posix.basename(into)))
    throw refusal('not-right-below', `${into} is no directory right below ${pgdata} that can be taken`, [
      `Name one, such as ${pgdata}/data.`,
    ]);
  const begun = below?.includes(FIRST) === true && !entries.includes(FIRST);
  if (below !== undefined && below.length > 0 && !begun) throw occupied(pgdata, into, 'it holds something');
  const both = entries.filter((name) => below?.includes(name) === true);
  if (both.length > 0) throw occupied(pgdata, into, `${both.join(', ')} lies in both`);
  if (!begun && !entries.includes(FIRST))
    throw refusal('no-data-to-move', `there is no data in ${pgdata}: it has no ${FIRST}`, [
      `See what lies there: ls -la ${quote(pgdata)}`,
    ]);
  return entries.toSorted((a, b) => Number(b === FIRST) - Number(a === FIRST));
}

function occupied(pgdata: string, into: string, why: string): PitrError {
  return refusal(
    'destination-exists',
    `${into} is there already (${why}): nothing of ${pgdata} is moved into it`,
    [`ls -la ${quote(into)}`, 'Choose another name, or move that away.'],
  );
}

// Looked at once more when the first name has moved: from then on nothing starts there that had not begun before. What has
// is told in the words of that look alone, and with nothing moved.
const MOVE = `${AT_WORK}
from=$1 into=$2; shift 2
idle() { seen=$(postgres_at_work "$1" below) || { why=$?; printf '%s\\n' "$seen"; return "$why"; }; }
idle "$from" || exit
made=
{ [ -d "$into" ] || { mkdir -m 0700 -- "$into" && made=yes; }; } && chown --reference="$from" -- "$into" && chmod --reference="$from" -- "$into" || exit 16
moved=
for name do
  if [ -e "$from/$name" ] || [ -L "$from/$name" ]; then
    mv -T -n -- "$from/$name" "$into/$name" || exit 16
    [ ! -e "$from/$name" ] && [ ! -L "$from/$name" ] || { ls -ld -- "$from/$name" "$into/$name" >&2; exit 17; }
  fi
  [ -n "$moved" ] || idle "$from" || {
    mv -T -n -- "$into/$name" "$from/$name" && [ ! -e "$into/$name" ] && [ ! -L "$into/$name" ] || exit 16
    [ -z "$made" ] || rmdir -- "$into" || exit 16
    exit "$why"
  }
  moved=yes
done`;

/** Can be repeated. Throws kind `refused` as `rename` of put-aside.ts does. */
export async function moveBelow(
  host: WriteHost,
  pgdata: string,
  into: string,
  names: readonly string[],
): Promise<void> {
  const result = await host.run(['sh', '-c', MOVE, 'sh', pgdata, into, ...names]);
  settle(host, result, pgdata, into);
}

const BACK = `${AT_WORK}
from=$1 into=$2; shift 2
postgres_at_work "$into" below || exit
for name do
  mv -T -n -- "$into/$name" "$from/$name" || exit 16
  [ ! -e "$into/$name" ] && [ ! -L "$into/$name" ] || { ls -ld -- "$from/$name" "$into/$name" >&2; exit 17; }
done
rmdir -- "$into" || exit 16`;

/** Takes the move back, all that lies there by now, and the directory. Can be repeated. */
export async function moveAbove(
  host: WriteHost,
  pgdata: string,
  into: string,
  names: readonly string[],
): Promise<void> {
  const below = await refuseTaken(host, pgdata, into, names);
  if (below === undefined) return;
  const order = below.toSorted((a, b) => Number(a === FIRST) - Number(b === FIRST));
  settle(host, await host.run(['sh', '-c', BACK, 'sh', pgdata, into, ...order]), pgdata, into);
}

/** Refuses where something has come beside what was moved: it would come into the data. Gives what lies there by now. */
export async function refuseTaken(
  host: ReadHost,
  pgdata: string,
  into: string,
  names: readonly string[],
): Promise<readonly string[] | undefined> {
  const { entries, below } = await readBelow(host, pgdata, into);
  const come = entries.filter((name) => !names.includes(name) || below?.includes(name) === true);
  if (below !== undefined && come.length > 0)
    throw changedSince(pgdata, `beside ${posix.basename(into)} it holds ${come.join(', ')}`);
  return below;
}

function settle(
  host: WriteHost,
  result: Awaited<ReturnType<WriteHost['run']>>,
  pgdata: string,
  into: string,
): void {
  refuseAtWork(result, pgdata, NOT_MOVED);
  if (result.exitCode === 17) {
    throw new PitrError({
      kind: 'failed',
      code: 'not-all-moved',
      message: `between ${pgdata} and ${into} not everything was renamed: somebody else was there first`,
      evidence: { command: `mv -T -n ${quote(pgdata)}/... ${quote(into)}/...`, stderr: result.stderr.trim() },
    });
  }
  if (result.exitCode !== 0)
    throw commandFailed({ ...result, argv: ['mv', '-T', '-n', `${pgdata}/...`, into] }, host.name);
}
