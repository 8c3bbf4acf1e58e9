import { type Leftovers, leftProbe } from '../../system/core/end-processes.ts';

/**
 * A pattern of a command line that names the place $1, or one below it, as a word of its own: never a place that merely
 * begins or ends alike. `before` is a pattern of what stands before it, `signs` is what may stand right before it.
 */
export function namesPlace(before: string, signs = ' '): string {
  return `${before}["${signs}"]"$1 "* | ${before}["${signs}"]"$1/"*`;
}

/**
 * Finds processes by their program and their command line, words joined by blanks; both are patterns of `case` in sh.
 * The program is asked for because the look itself has the pattern on its command line. It must see that line before it
 * is believed about others. A user always sees its own processes, whatever /proc hides.
 */
export function commandLineProbe(programs: string, pattern: string): Leftovers['find'] {
  return leftProbe(`
left() {
  case $(tr '\\0' ' ' <"/proc/$$/cmdline") in sh*) ;; *) echo '/proc does not show the very process that looks (tr)'; return 1 ;; esac
  for f in /proc/[0-9]*/cmdline; do
    p=\${f#/proc/}; p=\${p%/cmdline}
    [ "$p" != $$ ] || continue
    { c=$(tr '\\0' ' ' <"$f"); } 2>/dev/null || continue
    program=\${c%% *}
    case \${program##*/} in ${programs}) case $c in ${pattern}) echo "$p" ;; esac ;; esac
  done
}`);
}
