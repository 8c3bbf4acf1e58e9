/**
 * What the C locale's words of `stat` end in where it is proved that nothing is there, as patterns of `case`. Those with a
 * number are of uutils, which Ubuntu has since 25.10.
 */
export const NOTHING_THERE = [
  'No such file or directory',
  'No such file or directory (os error 2)',
  'Not a directory',
  'Not a directory (os error 20)',
]
  .map((words) => `*': ${words}'`)
  .join(' | ');

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
  ${NOTHING_THERE}) return 1 ;;
  esac
  echo "cannot tell whether there is $1: $2" >&2
  return 2
}`;
