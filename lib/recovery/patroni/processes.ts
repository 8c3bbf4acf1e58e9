/**
 * The function `patroni_processes PROC` of sh: of each Patroni that runs its process id and the configuration that it was
 * started with, on a line; `-` where that is none, or cannot be told. PROC is where processes are shown (`/proc`). Programs
 * that only name Patroni (an editor, sudo) are none. Ends with 3 where it cannot look.
 */
export const PATRONI_PROCESSES = `
patroni_processes() {
  # Without it no process would have a name.
  [ "$(printf 'a\\0' | tr '\\0' b)" = ab ] || return 3
  # To the grep of busybox a text may end at its first NUL: then each process is asked.
  named="$1/[0-9]*/cmdline"
  printf 'a\\0/patroni' | grep -qa /patroni
  case $? in
  0)
    named=$(grep -slaE '(^|[^[:alnum:][:space:]_-])patroni' "$1"/[0-9]*/cmdline)
    # 2: a process has ended meanwhile.
    [ $? -le 2 ] || return 3 ;;
  1) ;;
  *) return 3 ;;
  esac
  for f in $named; do
    there=\${f%/cmdline}
    word=$(tr '\\0' '\\n' 2>/dev/null <"$f" | awk '
      found && !/^-/ { word = $0; exit }
      value { value = 0; next }
      found || (NR > 1 && /^-/) { value = /^-[WX]$/; next }
      { name = $0; sub(/.*\\//, "", name) }
      name == "patroni" || name == "patroni.py" { found = 1; next }
      NR > 1 || name !~ /python|pypy/ { exit }
      END { if (found) print (word == "" ? "-" : word) }') || return 3
    case $word in
    '') continue ;;
    - | /*) ;;
    *) there_from=$(readlink -f -- "$there/cwd") && word=$there_from/$word || word=- ;;
    esac
    echo "\${there##*/} $word"
  done
}
same_file() {
  [ "$1" = "$2" ] || { real=$(readlink -f -- "$1") && [ -n "$real" ] && [ "$real" = "$(readlink -f -- "$2")" ]; }
}`;
