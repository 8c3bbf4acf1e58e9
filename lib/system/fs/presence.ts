/**
 * The function `presence PATH` of sh, which never takes "may not be looked at" for "is not there". Returns 0 where
 * something is there, 1 where it is proved that nothing is, 2 (with the reason on stderr) where that cannot be told.
 * Absence is told by the C locale's words: stat exits 1 for everything. What comes between the two looks is there.
 */
export const PRESENCE = `
presence() {
  { [ -e "$1" ] || [ -L "$1" ]; } && return 0
  set -- "$1" "$(LC_ALL=C stat -- "$1" 2>&1 && echo 'is there')"
  case $2 in
  *'is there') return 0 ;;
  *': No such file or directory' | *': Not a directory') return 1 ;;
  esac
  echo "cannot tell whether there is $1: $2" >&2
  return 2
}`;
