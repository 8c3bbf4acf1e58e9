import type { CommandEvidence } from '../../base/errors/pitr-error.ts';
import type { ReadHost, Resource } from '../../contract/host.ts';
import { type Probe, probeScript } from '../../contract/probe.ts';
import { parseReport, type ReportPart } from '../../contract/script-report.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import type { Archive } from '../wal/archive.ts';
import type { WalSegment } from '../wal/segment.ts';
import { parseArchiveListing } from './archive-listing.ts';
import { type BackupInfo, parseBackupInfo } from './backup-info.ts';
import { parseConfig, type ServerConfig } from './config.ts';
import { archiveUnreadable, barmanNotAnswering, barmanNotFound, configBroken } from './errors.ts';
import { parseServerList } from './json.ts';

/** All that Barman has on a host: its servers and their backups. Ids of this resource are the OS user of Barman. */
export interface Catalogue {
  readonly servers: readonly BarmanServer[];
}

interface BarmanServer extends ServerConfig {
  /** Of the cluster that this server archives; absent before its first backup. */
  readonly systemId?: string | undefined;
  /** The newest first. */
  readonly backups: readonly BackupInfo[];
}

/** A find over hundreds of thousands of segments on slow disks. */
const LISTING_TIMEOUT_MS = 300_000;

/** Whatever adds to the catalogue or to the archives touches this. */
export const barmanResource: Resource<Catalogue> = {
  kind: 'barman',
  scope: 'host',
  read: readCatalogue,
};

// Argument: the checksum of a configuration of which Barman's own list of servers is known, or nothing. The list depends
// on the program and on these files alone, and asking for it starts Barman. The `~` stands in the same order as Barman
// itself looks for its configuration.
const ASK_BARMAN = probeScript(`
quoted() { awk '{ print " " $0 }'; }
program=$(command -v barman 2>/dev/null) || { echo @missing; echo " PATH=$PATH"; echo @end; exit 0; }
configs=$(for f in ~/.barman.conf /etc/barman.conf /etc/barman/barman.conf; do
  [ -f "$f" ] || continue
  echo "@config $f"; quoted <"$f"
  d=$(sed -n 's/^[[:space:]]*configuration_files_directory[[:space:]]*[=:][[:space:]]*//p' "$f" | tail -n 1 | tr -d "\\"'" | sed 's/[[:space:]]*$//')
  case $d in '~'/*) d=$HOME/\${d#*/} ;; esac
  if [ -n "$d" ]; then for c in "$d"/*.conf; do
    [ -f "$c" ] || continue
    echo "@config $c"; quoted <"$c"
  done; fi
  break
done)
sum=$({ id -un; stat -L -c '%n %s %Y' -- "$program"; printf '%s' "$configs"; } 2>&1 | sha256sum | cut -c 1-64)
echo "@sum $sum"
if [ -z "$sum" ] || [ "$sum" != "$1" ]; then
  out=$(barman -f json list-server 2>/dev/null); rc=$?
  echo "@servers $rc"; printf '%s\\n' "$out" | quoted
  if [ "$rc" -ne 0 ]; then echo @stderr; barman -f json list-server 2>&1 >/dev/null | quoted; fi
fi
[ -z "$configs" ] || printf '%s\\n' "$configs"
echo @end`);

/** What Barman has listed, by the checksum of what that list depends on: the last one of each host and user. */
const listed = new Map<string, { readonly sum: string; readonly names: readonly string[] }>();

// Arguments: name, backups' directory, meta directory of each server.
const READ_BACKUPS = probeScript(`${PRESENCE}
quoted() { awk '{ print " " $0 }'; }
while [ $# -gt 0 ]; do
  echo "@server $1"
  for d in "$2" "$3" "$2"/* "$2"/*/annotations; do
    presence "$d"; case $? in 1) continue ;; 2) echo "@unreadable $d"; continue ;; esac
    [ ! -d "$d" ] || { [ -r "$d" ] && [ -x "$d" ]; } || echo "@unreadable $d"
  done
  for f in "$2"/*/backup.info "$3"/*-backup.info; do [ ! -f "$f" ] || [ -r "$f" ] || echo "@unreadable $f"; done
  if [ -f "\${2%/*}/identity.json" ]; then echo @identity; quoted <"\${2%/*}/identity.json"; fi
  for f in "$2"/*/backup.info; do [ -f "$f" ] || continue; d=\${f%/*}; echo "@backup \${d##*/}"; quoted <"$f"; done
  for f in "$2"/*/annotations/keep; do [ -f "$f" ] || continue; d=\${f%/annotations/keep}; echo "@kept \${d##*/}"; quoted <"$f"; done
  for f in "$2"/*/annotations/pitr.*; do [ -f "$f" ] || continue; d=\${f%/annotations/*}; echo "@held \${d##*/} \${f##*/pitr.}"; done
  for f in "$3"/*-backup.info; do [ -f "$f" ] || continue; b=\${f##*/}; echo "@backup \${b%-backup.info}"; quoted <"$f"; done
  shift 3
done
echo @end`);

/**
 * Arguments: the last 16 digits of the first segment of interest (or nothing), then of each server: name, wals,
 * incoming and streaming directories, two places of xlog.db. What is listed lies on disk; from xlog.db come only time
 * and compression. Read in this order (register, arrivals, archive) nothing is missed that Barman moves meanwhile: it
 * moves arrivals into the archive and then registers them. mawk knows no `{24}` in patterns, hence the lengths.
 * History files are read in the same order; what is not plain is unpacked: gzip here, whatever else by Barman, since only
 * what Barman can deliver helps a recovery.
 */
const LIST_ARCHIVES = probeScript(`${PRESENCE}
min=$1; shift
merge='
$1 == "-" { listed = 1; next }
!listed { if (length($1) >= 16 && (substr($1, 9, 1) == "." || substr($1, 9, 16) >= min)) { time[$1] = $3; pack[$1] = $4 } next }
$1 == "!" { print " !" substr($0, 3); next }
{ seen[$1] = 1
  base = substr($1, 9, 16)
  if (substr($1, 9, 1) != "." && (base < min || (length($1) != 24 && substr($1, 25) != ".partial"))) next
  print " " $1 "\\t" $2 "\\t" ($1 in time ? time[$1] : $3) "\\t" ($1 in pack ? pack[$1] : "") }
END { for (name in time) if (!(name in seen)) print " ?" name "\\t0\\t" time[name] "\\t" }'
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
      find -L "$d/" -type f -name '[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]*' -printf '%f\\t%s\\t%T@\\n' 2>&1 |
        sed '/^find: /s/^/!	/'
    done
  }
  list "$3" "$4" "$2" | awk -F '\\t' -v "min=$min" "$merge"
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

/** All servers with their backups, in two round trips. */
export async function readCatalogue(host: ReadHost, user: string): Promise<Catalogue> {
  const { servers, backups } = await askBarman(host, user);
  return catalogueOf(servers, reportOf(await host.query(backups), host.name), host.name);
}

/**
 * The catalogue, and what lies on disk in the WAL archives of all servers, in two round trips. With `from` the
 * archives from that segment on (by its place, on any timeline). Throws kind `failed` when an archive cannot be
 * looked into: absence is never guessed.
 */
export async function readCatalogueAndArchives(
  host: ReadHost,
  user: string,
  from?: WalSegment,
): Promise<Catalogue & { readonly archives: readonly Archive[] }> {
  const { servers, backups } = await askBarman(host, user);
  const places = servers.flatMap((s) => [s.name, s.wals, s.incoming, s.streaming, ...s.xlogDbs]);
  const listing = LIST_ARCHIVES([from?.slice(8) ?? '', ...places], { user, timeoutMs: LISTING_TIMEOUT_MS });
  const [backupsFound, walFound] = await host.queryAll([backups, listing]);
  const catalogue = catalogueOf(servers, reportOf(backupsFound, host.name), host.name);
  const { archives, troubles } = parseArchiveListing(reportOf(walFound, host.name));
  const [trouble] = troubles;
  if (trouble !== undefined) throw archiveUnreadable(host.name, trouble.server, trouble.text);
  return { ...catalogue, archives };
}

async function askBarman(
  host: ReadHost,
  user: string,
): Promise<{ readonly servers: readonly ServerConfig[]; readonly backups: Probe }> {
  const key = `${host.name} ${user}`;
  const known = listed.get(key);
  const asked = await host.query(ASK_BARMAN([known?.sum ?? ''], { user }));
  const parts = reportOf(asked, host.name);
  const sum = parts.find(({ kind }) => kind === 'sum')?.rest ?? '';
  const same = known !== undefined && known.sum === sum && !parts.some(({ kind }) => kind === 'servers');
  const servers = serverConfigs(parts, host.name, asked, same ? known.names : undefined);
  if (sum !== '') listed.set(key, { sum, names: servers.map(({ name }) => name) });
  const places = servers.flatMap((server) => [server.name, server.basebackups, server.meta]);
  return { servers, backups: READ_BACKUPS(places, { user }) };
}

function catalogueOf(
  servers: readonly ServerConfig[],
  parts: readonly ReportPart[],
  host: string,
): Catalogue {
  return { servers: servers.map((server) => withBackups(server, parts, host)) };
}

function serverConfigs(
  parts: readonly ReportPart[],
  host: string,
  asked: RunResult,
  known: readonly string[] | undefined,
): readonly ServerConfig[] {
  const part = (kind: string): ReportPart | undefined => parts.find((candidate) => candidate.kind === kind);
  if (part('missing') !== undefined) throw barmanNotFound(host, part('missing')?.lines.join('\n') ?? '');
  const files = parts.filter((candidate) => candidate.kind === 'config');
  const told =
    part('servers')?.rest === '0' ? parseServerList(part('servers')?.lines.join('\n') ?? '') : undefined;
  const names = known ?? told;
  if (names === undefined) {
    const stderr = part('stderr')?.lines.join('\n') ?? part('servers')?.lines.join('\n') ?? '';
    throw configBroken(
      host,
      files.map((file) => file.rest),
      {
        command: 'barman -f json list-server',
        exitCode: Number(part('servers')?.rest ?? asked.exitCode ?? 0),
        stderr,
      },
    );
  }
  const configs = parseConfig(files.map((file) => file.lines.join('\n')));
  const unread = names.filter((name) => !configs.some((config) => config.name === name));
  if (unread.length > 0)
    throw configBroken(
      host,
      files.map((file) => file.rest),
      undefined,
      unread,
    );
  return configs.filter((config) => names.includes(config.name));
}

function withBackups(config: ServerConfig, parts: readonly ReportPart[], host: string): BarmanServer {
  const start = parts.findIndex((part) => part.kind === 'server' && part.rest === config.name);
  const rest = parts.slice(start + 1);
  const end = rest.findIndex((part) => part.kind === 'server');
  const own = start === -1 ? [] : end === -1 ? rest : rest.slice(0, end);
  const unreadable = own.find((part) => part.kind === 'unreadable');
  if (unreadable !== undefined)
    throw archiveUnreadable(host, config.name, `cannot look into ${unreadable.rest}`);
  const backups = new Map<string, BackupInfo>();
  for (const part of own) {
    if (part.kind !== 'backup' || !/^\d{8}T\d{6}$/.test(part.rest)) continue;
    backups.set(part.rest, parseBackupInfo(config.name, part.rest, part.lines.join('\n')));
  }
  for (const { kind, rest: id, lines } of own) {
    const backup = backups.get(id);
    if (kind === 'kept' && backup !== undefined) backups.set(id, { ...backup, kept: lines.join('').trim() });
  }
  for (const { kind, rest } of own) {
    const [, id = '', run = ''] = /^(\S+) ([0-9A-Za-z-]{1,40})$/.exec(rest) ?? [];
    const backup = backups.get(id);
    if (kind === 'held' && backup !== undefined)
      backups.set(id, { ...backup, heldFor: [...(backup.heldFor ?? []), run] });
  }
  const newestFirst = [...backups.values()].sort((a, b) => (a.id < b.id ? 1 : -1));
  const identity = own.find((part) => part.kind === 'identity')?.lines.join('\n') ?? '';
  const systemId =
    /"systemid"\s*:\s*"(\d+)"/.exec(identity)?.[1] ?? newestFirst.find((b) => b.systemId)?.systemId;
  return { ...config, ...(systemId === undefined ? {} : { systemId }), backups: newestFirst };
}

function reportOf(result: RunResult | undefined, host: string): readonly ReportPart[] {
  if (result === undefined) throw new Error('a batch answers every probe');
  if (result.exitCode !== 0) throw barmanNotAnswering(host, evidence(result));
  try {
    return parseReport(result.stdout);
  } catch (cause) {
    throw barmanNotAnswering(host, evidence(result), cause);
  }
}

/** The script itself would fill the screen and tell nobody anything. */
function evidence(result: RunResult): CommandEvidence {
  return evidenceOf({ ...result, argv: ['sh', "(a look at Barman's files)"] });
}
