/**
 * Picks processes out of what `/proc/[0-9]*\/stat` say, as `pid:start` words. With `root`: all descendants of that
 * shell, and what they orphaned within its session. With `from` (such words): those and all descendants of theirs.
 * An orphan counts only if it is younger than the oldest running child of the shell: an earlier command may have
 * left a server here on purpose. A start is written as the kernel tells it: mawk cuts a whole number at 2^31, which the ticks of
 * a host that is up for 249 days go beyond.
 */
export const PICK = `
match($0, /.*\\) /) {
  split(substr($0, RLENGTH + 1), field, " ")
  if (field[1] == "Z") next
  pid = $1 + 0; order[++count] = pid
  parent[pid] = field[2] + 0; session[pid] = field[4] + 0; start[pid] = field[20] ""
}
END {
  known = split(from, words, " ")
  for (i = 1; i <= known; i++) { split(words[i], word, ":"); if (start[word[1] + 0] == word[2] "") picked[word[1] + 0] = 1 }
  if (root != "" && (root + 0) in start) {
    root = root + 0; oldest = 0
    for (i = 1; i <= count; i++) {
      pid = order[i]
      if (parent[pid] != root) continue
      picked[pid] = 1
      if (!oldest || older(pid, oldest)) oldest = pid
    }
    if (oldest) for (i = 1; i <= count; i++) {
      pid = order[i]
      if (pid == root || session[pid] != session[root] || session[parent[pid]] == session[root]) continue
      if (older(oldest, pid)) picked[pid] = 1
    }
  }
  do {
    grown = 0
    for (i = 1; i <= count; i++) {
      pid = order[i]
      if (!(pid in picked) && (parent[pid] in picked)) { picked[pid] = 1; grown = 1 }
    }
  } while (grown)
  for (i = 1; i <= count; i++) if (order[i] in picked) printf "%s:%s ", order[i], start[order[i]]
}
function older(a, b) { return start[a] + 0 < start[b] + 0 || (start[a] == start[b] && a < b) }
`;

/** The exit code when some are still there although they were killed; stderr names them as `pid:start`. */
export const PROCESSES_LEFT = 3;

/**
 * Ends whatever runs below a shell, on any host with /proc, a POSIX sh and awk: `sh -c KILL_TREE sh PID KEEP|TOO`.
 *
 * Closing a channel ends nothing on the host (ssh and docker alike), a shell's own process group is not enough
 * (`timeout`, `su` and others make their own), and the tool `pkill` may not be there. All are held still first, until
 * nothing new shows, or one that is about to fork would leave a child that nobody knows. A fork that has begun goes on
 * when its process is told to stop, so each is seen to stand still before new ones are looked for (for five seconds:
 * one that waits for a device cannot). Then TERM, and KILL for what is left after two seconds, which has ten to go. The
 * shell itself is kept, as it has to tell how the command ended (TOO: ended first, so that it does not start what it was
 * sent next), and it is told to go on: sudo stops its whole process group when what it runs is stopped.
 */
export const KILL_TREE = `
pick() { cat /proc/[0-9]*/stat 2>/dev/null | awk -v root="$1" -v from="$2" '${PICK}'; }
all() { for one in $victims; do kill "$1" "\${one%:*}" 2>/dev/null; done; }
stop_all() {
  stopping=
  for one in $victims; do kill -STOP "\${one%:*}" 2>/dev/null && stopping="$stopping $one"; done
}
some_move() {
  for one in $stopping; do
    for task in "/proc/\${one%:*}/task/"*/stat; do
      { read -r line <"$task"; } 2>/dev/null || continue
      case \${line##*') '} in [TtZX]*) ;; *) return 0 ;; esac
    done
  done
  return 1
}
hold() {
  seen=
  while [ "$seen" != "$victims" ]; do
    seen=$victims
    stop_all
    while some_move; do
      read -r now rest </proc/uptime
      [ "\${now%.*}" -lt "$patience" ] || break
      sleep 0.02
      stop_all
    done
    victims=$(pick '' "$victims")
  done
}
some_left() {
  left=
  for one in $victims; do
    { read -r line <"/proc/\${one%:*}/stat"; } 2>/dev/null || continue
    set -- \${line##*') '}
    [ "$1" = Z ] || [ "\${20}" != "\${one#*:}" ] || left="$left$one "
  done
  victims=$left
  [ -n "$victims" ]
}
gone() {
  round=0
  while [ $round -lt "$1" ]; do
    some_left || return 0
    if [ $round -lt 4 ]; then sleep 0.02; else sleep 0.1; fi
    round=$((round + 1))
  done
  return 1
}
victims=$(pick "$1" '') || exit
[ "$2" = TOO ] && kill -KILL "$1" 2>/dev/null
read -r now rest </proc/uptime
patience=$((\${now%.*} + 6))
hold
all -TERM
all -CONT
kill -CONT "$1" 2>/dev/null
gone 24 && exit 0
hold
all -KILL
gone 100 && exit 0
printf 'still there although killed: %s\\n' "$victims" >&2
exit ${PROCESSES_LEFT}
`;
