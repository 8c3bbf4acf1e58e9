/**
 * The function `begun_by PROC PID ONE` of sh: whether a process is that one, or comes from it. PROC is where processes are
 * shown (`/proc`).
 */
export const BEGUN_BY = `
begun_by() {
  one=$3
  while [ "\${one:-0}" -gt 0 ]; do
    [ "$one" != "$2" ] || return 0
    one=$(sed -n 's/^PPid:[[:space:]]*//p' "$1/$one/status" 2>/dev/null)
  done
  return 1
}`;

/**
 * The function `holds_others PROC PID` of sh: whether a process is one that runs whatever it is told to. Sets `holder` to its
 * name.
 */
export const HOLDS_OTHERS = `
holds_others() {
  holder=$(tr '\\0' '\\n' 2>/dev/null <"$1/$2/cmdline" | head -n 2 | sed 's/:.*//; s|.*/||' |
    grep -xE 'supervisord|crond?|anacron|atd|sshd' | head -n 1)
  [ -n "$holder" ]
}`;

/**
 * The function `unit_of PROC PID` of sh, for behind the two above: sets `unit` to the service of systemd that a process runs
 * in, to nothing where there is none, and `held` to nothing where that unit is what keeps the process up. Else to what does,
 * `-` where it is not the unit's main process: one that holds others, or the `user@1000.service` that a user's unit is below.
 */
// The systemd of a system knows no units of users, and `systemctl show --value` is younger than some systemds.
export const UNIT_OF = `${BEGUN_BY}${HOLDS_OTHERS}
unit_of() {
  place=$(sed -n 's|^[^:]*:[^:]*:||; /\\.service$/!s|\\(.*\\.service\\)/.*|\\1|; /\\.service$/p' "$1/$2/cgroup" 2>/dev/null | head -n 1)
  unit=\${place##*/} held=
  case $place in
  '') return ;;
  */user@*.service/*) held=user@\${place#*/user@}; held=\${held%%/*}; return ;;
  */user@*.service) unit=; return ;;
  esac
  shown=$(systemctl show -p MainPID -p ActiveState -- "$unit" 2>/dev/null)
  main=$(printf '%s\\n' "$shown" | sed -n 's/^MainPID=//p')
  if holds_others "$1" "\${main:-0}"; then held=$holder
  elif ! begun_by "$1" "\${main:-0}" "$2"; then
    # What has outlived its unit (KillMode=process) is not stopped with that any more.
    case $unit/$shown in *ActiveState=inactive* | *ActiveState=failed*) held=- ;; *patroni*/*) ;; *) held=- ;; esac
  fi
}`;
