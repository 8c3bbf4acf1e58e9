/**
 * The function `look_as UID GID NAME TEXT` of sh: runs a text of sh as another user and group, for root. A user may look
 * into its own processes; root may not look into those of others where it lacks CAP_SYS_PTRACE, as in containers. The
 * group counts too: the kernel compares both. What the text needs comes by exported variables; it must end with exit 0.
 */
export const LOOK_AS = `
look_as() {
  setpriv --reuid="$1" --regid="$2" --clear-groups sh -c "$4" 2>/dev/null && return
  [ -n "$3" ] || set -- "$1" "$2" "$(id -nu -- "$1" 2>/dev/null)" "$4"
  [ -n "$3" ] || return
  runuser -u "$3" -- sh -c "$4" 2>/dev/null && return
  PITR_LOOK_TEXT=$4 su -s /bin/sh "$3" -c 'sh -c "$PITR_LOOK_TEXT"' 2>/dev/null
}`;
