import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportIn } from '../../contract/script-report.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { commandFailed } from '../../transport/command-failed.ts';
import { quote } from '../../transport/quote.ts';

/** What is in the place of a spool. */
export interface SpoolState {
  readonly kind: 'absent' | 'spool' | 'other';
  /** Checksum of the list that it is filled by. */
  readonly list?: string | undefined;
  /** It is being filled. */
  readonly filling: boolean;
  /** All of its list has come. */
  readonly whole: boolean;
}

const LOOK = probeScript(`${PRESENCE}
presence "$1"; case $? in 1) echo '@kind absent'; echo @end; exit 0 ;; 2) exit 1 ;; esac
if [ -L "$1" ] || ! [ -f "$1/pitr-spool" ] || ! [ -O "$1" ]; then echo '@kind other'; echo @end; exit 0; fi
echo '@kind spool'
cd -- "$1" || exit
if [ -f list ]; then
  echo "@list $(sha256sum <list | cut -c 1-64)"
  [ "$(tail -n 1 list | cut -d ' ' -f 1)" != "$(cat last 2>/dev/null)" ] || echo @whole
fi
pid=$(cat pid 2>/dev/null)
case $pid in ''|*[!0-9]*) ;; *) ! tr '\\0' '\\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$1" || echo @filling ;; esac
echo @end`);

/** Looks at the place of a spool as the user that it would belong to. Throws kind `failed` where that may not look. */
export async function readSpool(host: ReadHost, directory: string, user: string): Promise<SpoolState> {
  const told = await host.query(LOOK([directory], { user }));
  const parts = reportIn(told);
  if (parts === undefined) throw commandFailed({ ...told, argv: ['ls', '-la', directory] }, host.name);
  const kind = parts.find((part) => part.kind === 'kind')?.rest;
  return {
    kind: kind === 'absent' || kind === 'spool' ? kind : 'other',
    list: parts.find((part) => part.kind === 'list')?.rest,
    filling: parts.some((part) => part.kind === 'filling'),
    whole: parts.some((part) => part.kind === 'whole'),
  };
}

/**
 * Sends the segments of a list (stdin: name, server, archive) in one stream: of each one a line with its name, its
 * bytes unpacked, a line that ends it. Plain files and gzip are read as they lie, whatever else Barman itself delivers.
 * The closing line comes only after a good end, and where it does not follow upon exactly the bytes of a segment,
 * whoever receives takes nothing.
 */
const SEND = `while read -r name server wals; do
f="$wals/\${name%????????}/$name"; printf "%s\\n" "$name";
case $(od -An -tx1 -N2 -- "$f" 2>/dev/null) in
*" d1") cat -- "$f" ;; " 1f 8b"*) gzip -dc <"$f" ;; *) barman get-wal "$server" "$name" ;;
esac </dev/null && printf "%s end\\n" "$name" || exit 1; done`;

/** How often in a row a connection may be lost while nothing new has come: then a spool is filled no more. */
const TRIES = 12;

/**
 * Fills a spool, on its own and for as long as its list is there. Arguments: directory, bytes of a segment, how many
 * may wait in it, login to Barman's host, what to run there. What has its name is whole: `last` is the last one that
 * came. A connection that is lost (its end comes, and ssh says 255) is made again, for what comes behind that. Where the disk is full, what
 * waits is given up: the restored data needs the room more.
 */
const RECEIVE = `
cd -- "$1" && umask 077 || exit
echo $$ >pid
size=$2 most=$3
todo() { if [ -s last ]; then awk -v last="$(cat last)" 'seen; $1 "" == last { seen = 1 }' list; else cat list; fi; }
room() {
  waited=0
  while set -- [0-9A-F]*; [ $# -ge "$most" ] && [ -e "$1" ]; do
    [ -f list ] && [ $waited -lt 432000 ] || return 1
    sleep 0.1; waited=$((waited + 1))
  done
  [ -f list ]
}
take() {
  while IFS= read -r name; do
    case $name in *[!0-9A-F]*|'') echo "not a segment: $name"; return 1 ;; esac
    room || return 1
    if ! head -c "$size" >part; then rm -f -- [0-9A-F]* part; return 1; fi
    IFS= read -r ended || { echo "$name was cut off"; return 3; }
    [ "$ended" = "$name end" ] && [ "$(stat -c %s part)" -eq "$size" ] || { echo "$name did not come whole"; return 1; }
    mv -f -- part "$name" && echo "$name" >last.new && mv -f -- last.new last || return 1
  done
}
lost=0 before=
while todo >todo && [ -s todo ]; do
  rm -f -- left
  { ssh -o BatchMode=yes -o ConnectTimeout=20 -o ServerAliveInterval=15 -T "$4" "$5" <todo; echo $? >left; } | take
  taken=$?
  case $taken:$(cat left 2>/dev/null) in 0:255|3:255) ;; *) break ;; esac
  rm -f -- part
  came=$(cat last 2>/dev/null)
  if [ "$came" != "$before" ]; then lost=0 before=$came; fi
  lost=$((lost + 1))
  echo "the connection was lost after \${came:-nothing}"
  n=0
  while [ -f list ] && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
  [ $lost -lt ${TRIES} ] && [ -f list ] || break
done
rm -f -- part pid`;

/** The function `end_filler DIRECTORY`: ends what fills that spool, and waits for it. */
const END_FILLER = `
fills() { tr '\\0' '\\n' <"/proc/$pid/cmdline" 2>/dev/null | grep -qxF -- "$1"; }
end_filler() {
  pid=$(cat "$1/pid" 2>/dev/null)
  case $pid in ''|*[!0-9]*) return ;; esac
  fills "$1" || return
  kill -TERM "-$pid"
  n=0
  while sleep 0.1; n=$((n + 1)); fills "$1" && [ $n -lt 50 ]; do :; done
}`;

// Its own session: it goes on when the controller is gone. The same list goes on where it was; another one starts anew. What
// filled the spool before is ended: of another list, it would bring what nobody waits for.
const START = `${END_FILLER}
umask 077
d=$1
if ! [ -e "$d" ] && ! [ -L "$d" ]; then mkdir -- "$d" && : >"$d/pitr-spool" || exit; fi
[ ! -L "$d" ] && [ -O "$d" ] && [ -f "$d/pitr-spool" ] || { echo "$d is there already" >&2; exit 1; }
cat >"$d/list.new" || exit
end_filler "$d"
cmp -s "$d/list.new" "$d/list" || rm -f -- "$d/last" "$d/wanted" "$d"/[0-9A-F]*
rm -f -- "$d/part" && mv -f -- "$d/list.new" "$d/list" || exit
receive=$2; shift 2
setsid sh -c "$receive" pitr-spool "$d" "$@" </dev/null >"$d/log" 2>&1 &`;

/** Exit code of `REMOVE` where it has touched nothing. */
const NOT_OURS = 17;

const REMOVE = `${END_FILLER}
d=$1
[ -e "$d" ] || [ -L "$d" ] || exit 0
[ ! -L "$d" ] && [ -O "$d" ] && [ -f "$d/pitr-spool" ] || { echo "$d is no spool of pitr's" >&2; exit ${NOT_OURS}; }
rm -f -- "$d/list"
end_filler "$d"
find "$d" -mindepth 1 ! -name pitr-spool -delete 2>/dev/null
n=0
while ! rm -rf -- "$d" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n + 1)); done
[ ! -e "$d" ]`;

/** What fills a spool. */
export interface SpoolOrder {
  readonly directory: string;
  readonly user: string;
  /** How the host logs in to Barman's: barman@barman. */
  readonly ssh: string;
  readonly segmentSize: number;
  /** How many segments may wait in it. */
  readonly most: number;
  /** One line a segment, in the order of replay (`spoolList`). */
  readonly list: readonly string[];
}

/** The text by which a spool is filled, and its checksum as `readSpool` tells it. */
export function listText(list: readonly string[]): string {
  return list.map((line) => `${line}\n`).join('');
}

/** Begins, or goes on, to fill a spool, and leaves it at that. Throws kind `failed` where nothing can be written. */
export async function startSpool(host: WriteHost, order: SpoolOrder): Promise<void> {
  const { directory, user, ssh, segmentSize, most, list } = order;
  const words = [directory, RECEIVE, String(segmentSize), String(most), ssh, SEND];
  const started = await host.run(['sh', '-c', START, 'sh', ...words], {
    user,
    cwd: '/',
    stdin: listText(list),
    ownChannel: true,
  });
  if (started.exitCode !== 0) throw commandFailed({ ...started, argv: ['mkdir', directory] }, host.name);
}

/** Ends what fills a spool and removes it. Nothing there is fine. Throws kind `refused` where it is no spool of ours, `failed` where it is not gone after all. */
export async function removeSpool(host: WriteHost, directory: string, user: string): Promise<void> {
  const removed = await host.run(['sh', '-c', REMOVE, 'sh', directory], { user, cwd: '/', ownChannel: true });
  if (removed.exitCode === 0) return;
  throw new PitrError({
    kind: removed.exitCode === NOT_OURS ? 'refused' : 'failed',
    code: 'spool-not-removed',
    message: `${directory} cannot be removed: ${removed.stderr.trim() || 'something in it cannot be deleted'}`,
    host: host.name,
    next: [`Look what it is, and remove it by hand: ls -la ${quote(directory)}`],
  });
}
