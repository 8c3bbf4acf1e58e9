/*
 * What is run on a host to write a file whole or not at all. Their arguments: path, the name of the new file, and what is told
 * of mode, owner, group; whether the old file has no say; of what was received its size, and its SHA-256 or nothing.
 */

/**
 * The start of each script: $dest, its $dir, and $t, the name of a new file beside it; then what is told of mode and
 * owner, and whether the old file has no say in them.
 */
const NAMES = `
dest=$1 mode=$3 owner=$4 group=$5 replace=$6
case $dest in */*) dir=\${dest%/*}/ ;; *) dir=./ ;; esac
t=$dir.pitr-$2
`;

/*
 * A new file costs four programs on the host: dd, chmod, mv, sync. Two of them flush, and one would not be as safe: before
 * the rename the content has to be on the disk (else a power cut leaves an empty file under the name), and after it the
 * directory (else the journal says done, and the old file is back). The mode is set by chmod and not by the umask, which a
 * default ACL of the directory overrides.
 */

/**
 * Makes $t, 0600, and writes it down to the disk; it goes again unless it is kept. The shell makes it (noclobber: never
 * through a link that somebody planted). A directory is never written into by its name.
 */
const WRITE = `
umask 077
if [ -d "$dest" ] && [ ! -L "$dest" ]; then echo "is a directory: $dest" >&2; exit 21; fi
set -C
: >"$t" || exit
set +C
trap 'rm -f -- "$t"' EXIT
trap 'exit 143' HUP INT TERM
dd bs=64k of="$t" conv=notrunc,fsync status=none || exit
`;

/**
 * The end of each: gives it the owner and mode that were told or that the old file has, and the access list of that: without
 * it, its mask would become what the group may do. (busybox's cp hands no list on, nor does one who may not read the file.)
 * cp says nothing of an owner that it may not give, so they are compared; and what is told is laid over the old ones on an
 * empty file, for under the old ones alone others could read what is private from now on.
 * Puts it in the old one's place (a symbolic link is replaced, not followed: whoever may write to the directory could have
 * planted it), flushes the directory: the journal says at once that the file is there.
 */
const COMMIT = `
like() {
  why=$(LC_ALL=C cp --attributes-only --preserve=mode,ownership -- "$1" "$2" 2>&1) && return
  case $why in *'unrecognized option'* | *'for reading'*) ;; *) echo "$why" >&2; exit 1 ;; esac
}
give() {
  if [ -n "$owner$group" ]; then chown -- "$owner\${group:+:$group}" "$1" || exit; fi
  if [ -n "$mode" ]; then chmod -- "$mode" "$1" || exit; fi
}
if [ -z "$replace" ] && [ -e "$dest" ]; then
  as=$t
  if [ -n "$mode$owner$group" ]; then
    as=$t.empty
    trap 'rm -f -- "$t" "$as"' EXIT
    (umask 077; set -C; : >"$as") || exit
  fi
  if [ -f "$dest" ]; then like "$dest" "$as"; fi
  both=$(stat -L -c '%a %u %g' -- "$dest" "$as") || exit
  set -- $both
  if [ "$as $1 $2 $3" != "$t $4 $5 $6" ]; then mode=\${mode:-$1} owner=\${owner:-$2} group=\${group:-$3}; fi
  if [ "$as" != "$t" ]; then give "$as"; like "$as" "$t"; rm -f -- "$as"; fi
fi
give "$t"
mv -f -T -- "$t" "$dest" || exit
trap - EXIT
sync "$dir"
`;

export const WRITE_SMALL = `${NAMES}${WRITE}${COMMIT}`;

export const RECEIVE = `${NAMES}${WRITE}\ntrap - EXIT\n`;

/** The exit code of the next script for content that is not what was told. */
export const OTHERWISE = 75;

export const COMMIT_RECEIVED = `${NAMES}
trap 'rm -f -- "$t"' EXIT
size=$(wc -c <"$t") || exit
if [ "$size" -ne "$7" ]; then echo "$size bytes arrived instead of $7" >&2; exit 74; fi
if [ -n "$8" ]; then
  sum=$(sha256sum <"$t") || exit
  [ "\${sum%% *}" = "$8" ] || { echo "what arrived has the SHA-256 \${sum%% *} instead of $8" >&2; exit ${OTHERWISE}; }
fi
${COMMIT}`;
