import { type Probe, probeScript } from '../../contract/probe.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import type { WalSegment } from '../wal/segment.ts';
import type { ServerConfig } from './config.ts';

/** A find over hundreds of thousands of segments on slow disks. */
const LISTING_TIMEOUT_MS = 300_000;
/** Some 70 bytes a segment: millions of them. */
const LISTING_BYTES = 256 * 1024 * 1024;

/**
 * Arguments: the last 16 digits of the first segment of interest (or nothing), then of each server: name, wals,
 * incoming and streaming directories, two places of xlog.db. What is listed lies on disk; from xlog.db come only time
 * and compression. Read in this order (register, arrivals, archive) nothing is missed that Barman moves meanwhile: it
 * moves arrivals into the archive and then registers them. A file that lies elsewhere below, say in a directory that somebody
 * has put it into, Barman does not deliver: it is not listed. mawk knows no `{24}` in patterns, hence the lengths.
 * History files are read in the same order; what is not plain is unpacked: gzip here, whatever else by Barman, since only
 * what Barman can deliver helps a recovery.
 */
const LIST_ARCHIVES = probeScript(`${PRESENCE}
min=$1; shift
merge='
$1 == "-" { listed = 1; next }
!listed { if (length($1) >= 16 && (substr($1, 9, 1) == "." || substr($1, 9, 16) >= min)) { time[$1] = $3; pack[$1] = $4 "\\t" $5 } next }
$1 == "!" { print " !" substr($0, 3); next }
{ seen[$1] = 1
  base = substr($1, 9, 16)
  if (substr($1, 9, 1) != "." && (base < min || (length($1) != 24 && substr($1, 25) != ".partial"))) next
  print " " $1 "\\t" $2 "\\t" ($1 in time ? time[$1] : $3) "\\t" ($1 in pack ? pack[$1] : "") }
END { for (name in time) if (!(name in seen)) print " ?" name "\\t0\\t" time[name] "\\t" }'
hashed='s|^\\([0-9A-F]\\{16\\}\\)/\\(\\1[^/]*\\)$|\\2|'
quoted() { awk '{ print " " $0 }'; }
coded() { printf ' %s\\n' "$(head -c 1048577 | base64 -w 0)"; }
unpacked() {
  case $(od -An -tx1 -N2 -- "$2") in
    ' 1f 8b'*) gzip -dc <"$2" ;;
    *) barman get-wal "$1" "\${2##*/}" ;;
  esac
}
tell() {
  place="\${2##*/} $2"
  if ! [ -r "$2" ]; then echo "@damaged $place"; echo ' it may not be read'; return; fi
  case $(od -An -tx1 -N1 -- "$2") in
    ''|' 09'*|' 0a'*|' 20'*|' 23'*|' 3'[0-9]*) echo "@history $place"; coded <"$2" ;;
    *)
      if said=$(unpacked "$1" "$2" 2>&1 >/dev/null); then
        echo "@history $place"; unpacked "$1" "$2" 2>/dev/null | coded
      else
        echo "@damaged $place"; printf '%s\\n' "$said" | tail -n 3 | quoted
      fi ;;
  esac
}
while [ $# -gt 0 ]; do
  echo "@archive $1"
  x=
  if [ -r "$6" ]; then x=$6; elif [ -r "$5" ]; then x=$5; fi
  list() {
    [ -z "$x" ] || cat -- "$x"
    printf '%s\\n' -
    for d in "$@"; do
      [ -d "$d" ] || continue
      { find -L "$d/" -type f -name '[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]*' -printf '%P\\t%s\\t%T@\\n' 2>&1 ||
        echo "find: it has not listed all of $d"; } |
        sed -e '/^find: /{' -e 's/^/!	/' -e b -e '}' -e "$hashed" -e '/\\//d' || echo "!	sed fails on the list of $d"
    done
  }
  list "$3" "$4" "$2" | awk -F '\\t' -v "min=$min" "$merge" || { echo @trouble; echo " awk fails on the list of $1"; }
  for h in "$3"/*.history "$4"/*.history "$2"/*.history; do
    [ -f "$h" ] || continue
    tell "$1" "$h"
  done
  for d in "$2" "$3" "$4"; do
    presence "$d"; case $? in 1) continue ;; 2) echo @trouble; echo " cannot look into $d"; continue ;; esac
    { [ -r "$d" ] && [ -x "$d" ]; } || { echo @trouble; echo " cannot look into $d"; }
  done
  for f in "$2"/*.history "$3"/*.history "$5" "$6"; do
    [ ! -f "$f" ] || [ -r "$f" ] || { echo @trouble; echo " cannot read $f"; }
  done
  shift 6
done
echo @end`);

/** A look at the WAL archives of these servers, for `parseArchiveListing`; with `from` from that segment on. */
export function archivesProbe(servers: readonly ServerConfig[], user: string, from?: WalSegment): Probe {
  const places = servers.flatMap((s) => [s.name, s.wals, s.incoming, s.streaming, ...s.xlogDbs]);
  return LIST_ARCHIVES([from?.slice(8) ?? '', ...places], {
    user,
    timeoutMs: LISTING_TIMEOUT_MS,
    maxOutputBytes: LISTING_BYTES,
  });
}
