import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import type { Member } from './cluster.ts';

/** Where an instance has its data and its programs. */
interface FoundInstance {
  readonly pgdata: string;
  readonly bin: string;
}

// By the processes of one user, which that user may look at: the file of a postmaster that is gone counts for nothing.
// One that no network reaches (old data that somebody looks at beside the live) is not what members stream from. The port
// that is announced may lead to another one by a translation of addresses: where no instance of the cluster has it, those
// that take writes are meant: a standby that lets readers in is "ready", too. Arguments: port, system identifier or nothing.
// Prints the data directory and the directory of the programs, of each that is left.
const FIND_INSTANCE = probeScript(`
announced= primaries=
for process in /proc/[0-9]*; do
  case $(cat "$process/comm" 2>/dev/null) in postgres | postmaster) ;; *) continue ;; esac
  directory=$(readlink -- "$process/cwd" 2>/dev/null) || continue
  line() { sed -n "$1{s/ *$//;p;}" "$directory/postmaster.pid" 2>/dev/null; }
  [ "$(line 1)" = "\${process#/proc/}" ] || continue
  [ -n "$(line 6)" ] || continue
  read -r program rest < "$directory/postmaster.opts" || continue
  programs=\${program%/*}
  control=$(LC_ALL=C "$programs/pg_controldata" "$directory" 2>/dev/null)
  said() { printf '%s\\n' "$control" | sed -n "s/^Database $1: *//p"; }
  id=$(said 'system identifier')
  [ -z "$id" ] || [ -z "$2" ] || [ "$id" = "$2" ] || continue
  both="$directory
$programs
"
  if [ "$(line 4)" = "$1" ]; then announced="$announced$both"
  elif [ -n "$id" ] && [ "$id" = "$2" ] && [ "$(line 8)" = ready ] && [ "$(said 'cluster state')" = 'in production' ]; then
    primaries="$primaries$both"
  fi
done
printf %s "\${announced:-$primaries}"`);

/** The leader's instance, on its own host; nothing where there is none, or where it cannot be told which of several it is. */
export async function findLeaderInstance(
  peer: ReadHost,
  leader: Member,
  user: string,
  systemId: string | undefined,
): Promise<FoundInstance | undefined> {
  const found = await peer.query(FIND_INSTANCE([String(leader.port ?? 5432), systemId ?? ''], { user }));
  return parseFoundInstance(found.stdout);
}

export function parseFoundInstance(printed: string): FoundInstance | undefined {
  const [pgdata = '', bin = '', ...more] = printed.trimEnd().split('\n');
  return more.length === 0 && pgdata.startsWith('/') && bin.startsWith('/') ? { pgdata, bin } : undefined;
}
