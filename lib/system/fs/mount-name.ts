/**
 * The function `plain_mount NAME` of sh: sets `at` to a name of /proc/self/mountinfo as it is, without another program. A blank
 * stands there as \040, and printf would take what follows for a fourth digit, were it not \0040. The dot keeps line ends at
 * the end of a name.
 */
export const PLAIN_MOUNT = `
plain_mount() {
  at=
  case $1 in *\\\\*) ;; *) at=$1; return ;; esac
  while :; do
    case $1 in
    *\\\\*) at=$at\${1%%\\\\*}\\\\0; set -- "\${1#*\\\\}" ;;
    *) break ;;
    esac
  done
  at=$(printf '%b.' "$at$1"); at=\${at%.}
}`;
