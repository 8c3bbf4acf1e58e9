import { PRESENCE } from '../fs/presence.ts';

/**
 * What both texts begin with: `$1` directory (empty: `.pitr` in the home of the user that runs this), `$2` the lock's
 * file name. Anything that is not as it must be is told as `flaw ...`, and ends the script.
 */
const PLACE = `
flaw() { printf 'flaw %s\\n' "$*"; exit 0; }
dir=$1 name=$2
if [ -z "$dir" ]; then
  dir=$(getent passwd "$(id -u)" | cut -d: -f6)
  [ -n "$dir" ] || flaw "user $(id -un) has no home directory"
  dir=$dir/.pitr
fi
lock=$dir/$name.lock claim=$dir/$name.json
for tool in flock timeout; do
  command -v "$tool" >/dev/null || flaw "there is no program $tool"
done
judge() {
  [ ! -L "$dir" ] || flaw "$dir is a symbolic link"
  [ -d "$dir" ] || flaw "$dir is not a directory"
  set -- $(stat -c '%u %a' -- "$dir")
  [ "$1" = "$(id -u)" ] || flaw "$dir belongs to user id $1, not to $(id -un)"
  case $2 in *00) ;; *) flaw "$dir is open to other users (mode $2)" ;; esac
  for file in "$lock" "$claim"; do
    [ ! -L "$file" ] || flaw "$file is a symbolic link"
  done
}
`;

/**
 * Looks at a lock and writes nothing. Whether somebody holds it is asked of the kernel with a shared lock that is
 * let go of at once; takers try long enough not to be put off by that.
 */
export const LOOK = `${PRESENCE}${PLACE}
printf 'now %s\\n' "$(date +%s)"
presence "$dir"; case $? in 1) exit 0 ;; 2) exit 3 ;; esac
judge
if [ -f "$lock" ]; then
  round=0 held=yes
  while [ $round -lt 5 ]; do
    if flock -s -n 9; then held=no; break; fi
    round=$((round + 1))
    sleep 0.1
  done 9<"$lock"
  printf 'held %s\\nheard %s\\n' "$held" "$(stat -c %Y -- "$lock")"
fi
if [ -f "$claim" ]; then
  if written=$(stat -c %Y -- "$claim") && text=$(head -c 65536 -- "$claim"); then
    printf 'written %s\\nclaim %s\\n' "$written" "$(printf '%s\\n' "$text" | head -n 1)"
  # One that was taken away meanwhile is none.
  elif [ -e "$claim" ]; then exit 3
  fi
fi
`;

/**
 * Takes the kernel's lock and holds it as long as the controller is heard of: \`$3\` seconds after its last line, at the
 * end of its stdin, or when its stdout is gone, this ends, and the kernel frees the lock. \`$4\`: how many tenths of a
 * second it tries. The first line of its answer is \`busy\`, \`flaw ...\` or \`locked\` with the claim that is there.
 *
 * Each line that comes is \`<number> beat|claim <json>|unclaim|leave\` and is answered with \`<number> ok\` or
 * \`<number> failed ...\`. A claim is written by this process alone, so never by one that does not hold the lock.
 */
export const HOLD = `${PLACE}
umask 077
lease=$3 tries=$4
[ -e "$dir" ] || [ -L "$dir" ] || mkdir -m 0700 -- "$dir" 2>/dev/null || [ -d "$dir" ] || flaw "$dir cannot be made"
judge
: >>"$lock" || flaw "$lock cannot be written"
exec 9>>"$lock"
round=0
until flock -n 9; do
  round=$((round + 1))
  [ $round -lt "$tries" ] || { echo busy; exit 0; }
  sleep 0.1
done
same() { [ "$lock" -ef "/proc/$$/fd/9" ]; }
same || flaw "$lock was replaced while it was being taken"
flush() { sync -- "$1" 2>/dev/null || sync; }
claim() { printf '%s\\n' "$1" >"$claim.new" && flush "$claim.new" && mv -f -- "$claim.new" "$claim" && flush "$dir"; }
unclaim() { rm -f -- "$claim" && flush "$dir"; }
text=
if [ -f "$claim" ]; then
  text=$(head -c 65536 -- "$claim") && [ -n "$text" ] || flaw "the claim $claim cannot be read, or is empty: look at it, and remove it if you know what it was"
fi
printf 'locked %s\\n' "$(printf '%s\\n' "$text" | head -n 1)"
while line=$(timeout "$lease" sh -c 'IFS= read -r line && printf "%s\\n" "$line"' 9>&-); do
  same || exit 1
  number=\${line%% *} word=\${line#* } why=
  case $word in
    'claim '*) why=$(claim "\${word#claim }" 2>&1 9>&-) || why="failed $why" ;;
    unclaim) why=$(unclaim 2>&1 9>&-) || why="failed $why" ;;
  esac
  case $why in
    failed*) printf '%s %s\\n' "$number" "$(printf %s "$why" | tr '\\n' ' ')" ;;
    *) touch -c -- "$lock" 9>&-; printf '%s ok\\n' "$number" ;;
  esac
  [ "$word" != leave ] || exit 0
done
exit 1
`;
