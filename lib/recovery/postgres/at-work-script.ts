import { LOOK_AS } from '../../system/core/look-as.ts';
import { quote } from '../../transport/quote.ts';

/**
 * One look at the processes of PostgreSQL, as whoever runs it. In: PITR_PLACE, device:inode of the directory;
 * PITR_BELOW, its path where a process below it counts too; PITR_POSTMASTER, a pid. Out: `works PID`, `copies PID` (a copy
 * that somebody makes into it: it goes by the path, from wherever), `elsewhere PID` (of that one pid), `hidden PID UID:GID`
 * for what this user cannot place, `looked UID` as the last line. `blind WHY` where it could not have seen anything: it
 * must see its own working directory before it is believed about others. What has ended or is on its way out (PF_EXITING,
 * 4) works nowhere, though it has no directory any more: the first process of a container waits there for the others. A
 * here-document that sh cannot make (a bash before 5.1 writes it to a file, and the disk may be full) ends it, for the
 * loop behind it is passed over.
 */
const LOOK = `
cd / || exit
here=$(stat -L -c %d:%i -- "/proc/$$/cwd" 2>&1) && [ "$here" = "$(stat -c %d:%i /)" ] ||
  { echo "blind /proc does not show the very process that looks: $here"; exit; }
veiled= copiers=
set --
for p in /proc/[0-9]*; do
  if { read -r name <"$p/comm"; } 2>/dev/null; then
    case $name in
    postgres | postmaster | edb-postgres | edb-postmaster) set -- "$@" "$p/cwd" ;;
    pg_basebackup | pg_rewind) copiers="$copiers $p" ;;
    esac
  elif [ -d "$p" ]; then veiled="$veiled $p"
  fi
done
hidden() {
  left=
  for one do
    if { read -r state <"$one/stat"; } 2>/dev/null; then
      state=\${state##*) }
      case $state in [ZX]*) continue ;; esac
      flags=\${state#* * * * * * }
      [ $((\${flags%% *} & 4)) = 0 ] || continue
    fi
    left="$left $one"
  done
  [ -n "$left" ] || return 0
  owned=$(stat -c '%u:%g %n' -- $left 2>/dev/null)
  for one in $left; do
    case "$owned
" in
    *" $one
"*) ;;
    *) [ ! -d "$one" ] || owned="$owned
?:? $one" ;;
    esac
  done
  while read -r who one; do
    [ -z "$one" ] || echo "hidden \${one#/proc/} $who"
  done <<END || exit
$owned
END
}
unplaced=
for p in $veiled; do [ ! -d "$p" ] || unplaced="$unplaced $p"; done
for p in $copiers; do
  tr '\\0' '\\n' <"$p/cmdline" 2>/dev/null | {
    before= into= told=
    while IFS= read -r word; do
      case $word in
      --pgdata=* | --target-pgdata=*) into=\${word#*=} ;;
      -D?*) into=\${word#-D} ;;
      *) case $before in -D | --pgdata | --target-pgdata) into=$word ;; esac ;;
      esac
      before=$word told=yes
    done
    case $into in
    '' | /*) ;;
    *) if [ -e "$p/cwd/" ]; then into=$p/cwd/$into; else told=; fi ;;
    esac
    if [ -z "$told" ]; then hidden "$p"
    elif [ -n "$into" ]; then
      at=$(readlink -f -- "$into")/
      if [ "$(stat -L -c %d:%i -- "$into" 2>/dev/null)" = "$PITR_PLACE" ]; then echo "copies \${p#/proc/}"
      elif [ -n "$PITR_BELOW" ]; then case $at in "\${PITR_BELOW%/}"/*) echo "copies \${p#/proc/}" ;; esac
      fi
    fi
  } || exit
done
if [ $# -gt 0 ]; then
  placed=$(stat -L -c '%d:%i %n' -- "$@" 2>/dev/null)
  last= last_works=
  while read -r place cwd; do
    p=\${cwd%/cwd}
    [ -n "$place" ] || continue
    if [ "$place" != "$last" ]; then
      last=$place last_works=
      if [ "$place" = "$PITR_PLACE" ]; then last_works=yes
      elif [ -n "$PITR_BELOW" ]; then
        at=$(readlink -- "$cwd") || { unplaced="$unplaced $p"; last=; continue; }
        case $at in "\${PITR_BELOW%/}"/*) last_works=yes ;; esac
      fi
    fi
    if [ -n "$last_works" ]; then echo "works \${p#/proc/}"
    elif [ "\${p#/proc/}" = "$PITR_POSTMASTER" ]; then echo "elsewhere $PITR_POSTMASTER"
    fi
  done <<END || exit
$placed
END
  for cwd do
    case "
$placed
" in *" $cwd
"*) ;; *) [ ! -d "\${cwd%/cwd}" ] || unplaced="$unplaced \${cwd%/cwd}" ;; esac
  done
fi
# One look at the owners of all: a server has dozens of processes.
hidden $unplaced
me=$(id -u) && echo "looked $me"`;

/**
 * The function \`postgres_at_work DIR [below]\` of sh: whether PostgreSQL works in a directory that is there. It prints
 * \`@working yes|no|unknown PID...\` and, but for no, \`@because WHY\`; \`@copies PID...\` before it where pg_basebackup or
 * pg_rewind writes there. See at-work.ts for what is believed. Returns 0 for no, 18 for yes, 19 for unknown.
 *
 * Root may not look into another user's process where it lacks CAP_SYS_PTRACE, as in containers; a user may always look
 * into its own. So it looks once more as the owner of the data (PostgreSQL refuses to start on anybody else's), with the
 * groups that its server may have, and as each user of a PostgreSQL that it could not place.
 */
export const AT_WORK = `${LOOK_AS}
PITR_LOOK=${quote(LOOK)}
postgres_at_work() (
  d=$1
  yes() { echo "@working yes$pids"; echo "@because $*"; exit 18; }
  unknown() { echo "@working unknown"; echo "@because $*"; exit 19; }
  no() { echo "@working no"; exit 0; }
  pids= copies= covered=yes doubt= elsewhere=
  facts=$(stat -L -c '%d:%i %u:%g %U' -- "$d" 2>&1) || unknown "$d cannot be looked at: $facts"
  set -- "$2" $facts
  PITR_PLACE=$2 owner=$3 name=$4 PITR_BELOW= PITR_POSTMASTER=
  if [ -n "$1" ]; then PITR_BELOW=$(readlink -f -- "$d") || unknown "the place of $d cannot be told (readlink)"; fi
  me=$(id -u) || unknown "nobody tells who looks (id)"
  pid= begun= key= segment=
  if [ -e "$d/postmaster.pid" ] || [ ! -x "$d" ]; then
    { read -r pid; read -r _; read -r begun; read -r _; read -r _; read -r _; read -r key segment _; } 2>/dev/null <"$d/postmaster.pid"
    pid=\${pid#-}
    case $pid in ''|*[!0-9]*) pid= ;; esac
    PITR_POSTMASTER=$pid
  fi
  export PITR_LOOK PITR_PLACE PITR_BELOW PITR_POSTMASTER

  # Whether this look sees everybody's processes.
  all=
  power=0
  { while read -r word value; do [ "$word" != CapEff: ] || power=$value; done </proc/self/status; } 2>/dev/null
  if [ $((0x$power >> 19 & 1)) = 1 ]; then all=yes
  else
    { while read -r _ at _ options _; do
      [ "$at" = /proc ] || continue
      case ,$options, in *,hidepid=0,* | *,hidepid=off,*) all=yes ;; *,hidepid=*) all= ;; *) all=yes ;; esac
    done </proc/self/mounts; } 2>/dev/null
  fi

  hidden= looked=
  take() {
    looked=
    while read -r word found who; do
      case $word in
      works) pids="$pids $found" ;;
      copies) copies="$copies $found" ;;
      elsewhere) elsewhere=yes ;;
      hidden) hidden="$hidden $found/$who" ;;
      looked) looked=$found ;;
      blind) doubt="$found $who" ;;
      esac
    done <<END || unknown 'sh cannot go through what the look has seen (a here-document)'
$1
END
  }
  take "$(sh -c "$PITR_LOOK")"
  [ "$looked" = "$me" ] || { covered=; doubt=\${doubt:-the look ended early}; }
  mine=$hidden
  owners=$owner
  if [ -n "$1" ] && { [ -z "$all" ] || [ "$me" != 0 ]; }; then
    owners="$owners $(find "$d/" -maxdepth 4 -name PG_VERSION -exec stat -c %u:%g -- {} + 2>/dev/null)"
  fi
  if [ -n "$covered" ] && [ "$me" = 0 ] && { [ -z "$all" ] || [ -n "$hidden" ]; }; then
    users=
    for one in $mine; do
      case " $users " in *" \${one#*/} "*) ;; *) users="$users \${one#*/}" ;; esac
    done
    for one in $owners $([ -n "$all" ] || id -g -- "$name" 2>/dev/null | sed "s/^/\${owner%:*}:/"); do
      case " $users " in *" $one "*) ;; *) users="$users $one" ;; esac
    done
    for one in $users; do
      hidden=
      case $one in 0:*) [ -z "$all" ] || continue ;; esac
      case $one in *[?]*) covered=; doubt='a process cannot be looked at, nor whose it is'; continue ;; esac
      called=; [ "\${one%:*}" != "\${owner%:*}" ] || called=$name
      take "$(look_as "\${one%:*}" "\${one#*:}" "$called" "$PITR_LOOK")"
      if [ "$looked" != "\${one%:*}" ]; then covered=; doubt="nobody can look as user \${one%:*} (setpriv, runuser and su fail)"; fi
      for left in $hidden; do
        case \${left#*/} in "$one") covered=; doubt="process \${left%%/*} of user \${one%:*} cannot be looked into" ;; esac
      done
    done
  elif [ -n "$covered" ]; then
    for one in $owners; do
      [ -n "$all" ] || [ "\${one%:*}" = "$me" ] ||
        { covered=; doubt="/proc hides the processes of others (hidepid), and user $me is not the data's owner"; }
      for left in $mine; do
        left_of=\${left#*/}
        case \${left_of%:*} in
        "\${one%:*}" | '?') covered=; doubt="process \${left%%/*}, a PostgreSQL perhaps, cannot be looked into by user $me" ;;
        esac
      done
    done
  fi
  [ -z "$copies" ] || echo "@copies$copies"
  [ -z "$pids" ] || yes 'its processes work there'
  [ -z "$copies" ] || yes 'it is being copied into'

  attached=
  if [ -n "$segment" ]; then
    { while read -r k id _ _ _ _ n _; do
      [ "$id" = "$segment" ] || continue
      # The file has it without its sign, of 64 or of 32 bits. Numbers of segments begin anew with each boot: another server's
      # may be the same by now.
      case $k in
      "$key") attached=$n ;;
      -*)
        plain=$(printf %u "$k")
        case $key in
        "$plain" | "$((k + 4294967296))") attached=$n ;;
        *) [ -n "$plain" ] || attached=$n ;;
        esac
        ;;
      esac
    done </proc/sysvipc/shm; } 2>/dev/null
  fi
  case $attached in
  '' | 0) ;;
  *) [ -n "$elsewhere" ] || yes "$attached processes hold the shared memory that its postmaster.pid names" ;;
  esac
  since() {
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return
    set -- \${stat##*) }
    { while read -r word value _; do [ "$word" != btime ] || boot=$value; done </proc/stat; } 2>/dev/null
    hz=$(getconf CLK_TCK 2>/dev/null) || hz=100
    [ -n "$boot" ] && echo $((boot + \${20} / hz))
  }
  # What lies on a disk that others see too may be at work where none of its processes can be seen.
  seen() { stat -c '%n %s %y' -- "$d"/postmaster.pid "$d"/global/pg_control "$d"/pg_wal/* 2>/dev/null; }
  changes() {
    before=$(seen) rounds=0
    while [ $rounds -lt 4 ]; do
      sleep 0.25
      [ "$before" = "$(seen)" ] || return 0
      rounds=$((rounds + 1))
    done
    return 1
  }
  if [ -n "$covered" ]; then
    if [ -n "$pid" ] && [ -z "$attached" ] && [ -z "$elsewhere" ]; then
      first=$(since 1)
      case $begun$first in *[!0-9]* | '') ;; *)
        if [ "\${first:-0}" -lt "\${begun:-0}" ] && changes; then
          yes 'its files change, though no process of it can be seen here: another host or container serves from them'
        fi ;;
      esac
    fi
    no
  fi
  if [ -n "$pid" ] && [ -z "$elsewhere" ]; then
    [ "$attached" != 0 ] || no
    { read -r comm <"/proc/$pid/comm"; } 2>/dev/null
    started=$(since "$pid")
    case \${comm:-}:\${started:-x}\${begun:-x} in
    postgres:*[!0-9]* | postmaster:*[!0-9]*) ;;
    postgres:* | postmaster:*)
      apart=$((started - begun))
      [ "\${apart#-}" -gt 10 ] || { pids=" $pid"; yes 'the process that its postmaster.pid names is a PostgreSQL that started then'; } ;;
    esac
  elif [ -r "$d/global/pg_control" ] && [ -x "$d" ] && [ ! -e "$d/postmaster.pid" ]; then
    case $(od -An -tu4 -j16 -N4 -- "$d/global/pg_control" 2>/dev/null) in *[!\\ 12]* | '') ;; *[12]) [ -n "$1" ] || no ;; esac
  fi
  ! changes || yes 'its files change'
  unknown "$doubt"
)`;
