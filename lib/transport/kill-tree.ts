/**
 * Ends whatever runs below a shell, on any host with /proc and a POSIX sh: `sh -c KILL_TREE sh PID KEEP|TOO`.
 *
 * Closing a channel ends nothing on the host (ssh and docker alike), a shell's own process group is not enough
 * (`timeout`, `su` and others make their own), and the tool `pkill` may not be there. So: all descendants, and what
 * they orphaned within the shell's session, get TERM; what is left after two seconds gets KILL. The shell itself is
 * kept, as it has to tell how the command ended (TOO: ended first, so that it does not start what it was sent next).
 * An orphan counts only if it is younger than the oldest running child: earlier commands may have left servers here.
 */
export const KILL_TREE = `
root=$1
blank=' 
'
line_end='
'
scan() {
  # One cat for all: reading each file with \`read\` would cost a system call for each byte.
  set +f
  stats=$(cat /proc/[0-9]*/stat 2>/dev/null)
  set -f
  all=
  IFS=$line_end
  for line in $stats; do
    case $line in *') '*) ;; *) continue ;; esac
    pid=\${line%% *}
    IFS=' '
    set -- \${line##*') '}
    [ "$1" = Z ] || all="$all $pid:$2:$4:\${20}"
  done
  IFS=$blank
}
fields() { IFS=:; set -- $1; IFS=$blank; pid=$1 parent=$2 session=$3 start=$4; }
victims=' '
known=' '
add() { victims="$victims$pid:$start "; known="$known$pid "; grown=1; }
is_known() { case $known in *" $1 "*) return 0 ;; esac; return 1; }
grow() {
  grown=1
  while [ -n "$grown" ]; do
    grown=
    for one in $all; do
      fields "$one"
      if is_known "$parent" && ! is_known "$pid"; then add; fi
    done
  done
}
scan
members=' '
home=
for one in $all; do fields "$one"; [ "$pid" = "$root" ] && home=$session; done
[ -n "$home" ] || exit 0
oldest=
for one in $all; do
  fields "$one"
  [ "$session" = "$home" ] && members="$members$pid "
  if [ "$parent" = "$root" ]; then
    add
    if [ -z "$oldest" ] || [ "$start" -lt "$oldest" ] || { [ "$start" = "$oldest" ] && [ "$pid" -lt "$first" ]; }; then
      oldest=$start first=$pid
    fi
  fi
done
if [ -n "$oldest" ]; then
  for one in $all; do
    fields "$one"
    [ "$session" = "$home" ] || continue
    [ "$pid" = "$root" ] && continue
    case $members in *" $parent "*) continue ;; esac
    is_known "$pid" && continue
    if [ "$start" -gt "$oldest" ] || { [ "$start" = "$oldest" ] && [ "$pid" -gt "$first" ]; }; then add; fi
  done
fi
[ "$2" = TOO ] && kill -KILL "$root" 2>/dev/null
grow
# Held still until nothing new shows, or one that is about to fork would leave a child that nobody knows.
seen=
while [ "$seen" != "$known" ]; do
  seen=$known
  kill -STOP $known 2>/dev/null
  scan
  grow
done
alive() {
  left=
  for one in $all; do
    fields "$one"
    case $victims in *" $pid:$start "*) left="$left $pid" ;; esac
  done
  [ -n "$left" ]
}
alive || exit 0
kill -TERM $left 2>/dev/null
# The shell too: sudo stops its whole process group when what it runs is stopped.
kill -CONT $left "$root" 2>/dev/null
round=0
while [ $round -lt 22 ]; do
  if [ $round -lt 4 ]; then sleep 0.02; else sleep 0.1; fi
  scan
  grow
  alive || exit 0
  round=$((round + 1))
done
kill -KILL $left 2>/dev/null
exit 0
`;
