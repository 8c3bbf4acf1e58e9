import type { WriteHost } from '../../contract/host.ts';
import { endProcesses, leftProbe } from '../../system/core/end-processes.ts';
import { LOOK_AS } from '../../system/core/look-as.ts';
import { quote } from '../../transport/quote.ts';

/** The environment variable that the commands of a change carry. */
export const CHANGE_MARK = 'PITR_CHANGE';

export function changeMark(runId: string, number: number): string {
  return `${runId}.${number}`;
}

// As whoever runs it: the processes that carry PITR_MARK, and `hidden UID:GID` of those whose environment it may not
// read. It must read its own before it is believed about others. What is older than PITR_AGE seconds is none of the
// change's: some processes of its own user hide from it too (sd-pam, ssh-agent). 100 ticks a second, as everywhere.
const LOOK = `
export LC_ALL=C
grep -qzF PITR_LOOK= /proc/self/environ || { echo "blind user $(id -u) cannot read the environment of its own process (grep -z)"; exit 0; }
stat -c %u /proc/self >/dev/null || { echo 'blind nobody tells whose processes there are (stat)'; exit 0; }
IFS=' .' read -r up _ </proc/uptime || { echo 'blind /proc tells no time'; exit 0; }
hidden=
seen=$(grep -lzxF -e "$PITR_MARK" /proc/[0-9]*/environ 2>&1)
while read -r line; do
  case $line in
  /proc/*/environ) line=\${line#/proc/}; echo "left \${line%/environ}" ;;
  *:*'Permission denied' | *:*'Operation not permitted')
    line=\${line#*/proc/}; p=/proc/\${line%%/*}
    { read -r stat <"$p/stat"; } 2>/dev/null || { [ ! -d "$p" ] || hidden="$hidden $p"; continue; }
    set -- \${stat##*) }
    # One that has ended and that nobody has waited for has no environment any more.
    case $1 in [ZX]) continue ;; esac
    [ $((up - \${20} / 100)) -gt "$PITR_AGE" ] || hidden="$hidden $p" ;;
  esac
done <<END || exit
$seen
END
[ -z "$hidden" ] || stat -c 'hidden %u:%g %n' -- $hidden 2>/dev/null
echo "looked $(id -u)"`;

const LEFT = leftProbe(`${LOOK_AS}
PITR_LOOK=${quote(LOOK)}
left() {
  me=$(id -u) || { echo 'nobody tells who looks (id)'; return 1; }
  PITR_MARK=$1 PITR_AGE=$2
  export PITR_LOOK PITR_MARK PITR_AGE
  pids= users= blind=
  take() {
    looked=
    while read -r word found why; do
      case $word in
      left) pids="$pids $found" ;;
      hidden) which=$why; case " $users " in *" $found "*) ;; *) users="$users $found" ;; esac ;;
      looked) looked=$found ;;
      blind) blind="$found $why" ;;
      esac
    done <<END
$1
END
  }
  take "$(sh -c "$PITR_LOOK")"
  [ "$looked" = "$me" ] || { echo "\${blind:-the look ended early}"; return 1; }
  others=$users
  for user in $others; do
    if [ "$me" = 0 ]; then
      users=
      take "$(look_as "\${user%:*}" "\${user#*:}" '' "$PITR_LOOK")"
      [ "$looked" = "\${user%:*}" ] || { echo "nobody can look as user \${user%:*} (setpriv, runuser and su fail)"; return 1; }
      case " $users " in *" $user "*) echo "$which of user \${user%:*} cannot be looked into"; return 1 ;; esac
    elif [ "\${user%:*}" = "$me" ]; then
      echo "$which of user $me cannot be looked into"; return 1
    fi
  done
  echo $pids
}`);

/** What the clocks of processes and of the controller may be apart. */
const AGE_SLACK_MS = 120_000;

/**
 * Ends what a change has left at work on a host when its controller died: all processes that carry the change's mark.
 * `ageMs`: how long ago it was begun. Root sees them all; another user sees its own alone, so each user that the change has worked as must be asked.
 * Gives how many there were. Throws like `endProcesses`.
 */
export async function endOrphans(
  host: WriteHost,
  { mark, ageMs }: { readonly mark: string; readonly ageMs: number },
  user?: string,
): Promise<number> {
  return endProcesses(host, {
    words: 'what the change started',
    find: LEFT,
    args: [`${CHANGE_MARK}=${mark}`, String(Math.ceil((ageMs + AGE_SLACK_MS) / 1000))],
    user,
    patience: 0,
  });
}

/** The OS users that a change says it works as, beside that of its task. */
function workersOf(change: object): readonly string[] {
  return Object.entries(change).flatMap(([name, value]) =>
    (name === 'user' || name === 'owner') && typeof value === 'string' ? [value] : [],
  );
}

/** Ends what a change has left at work as any of its users. Gives how many there were. Throws like `endOrphans`. */
export async function endOrphansOfChange(
  host: WriteHost,
  orphans: { readonly mark: string; readonly ageMs: number },
  user: string | undefined,
  change: object,
): Promise<number> {
  let ended = 0;
  for (const worker of new Set([user, ...workersOf(change)]))
    ended += await endOrphans(host, orphans, worker);
  return ended;
}
