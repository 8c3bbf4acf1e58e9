import type { PitrError } from '../../base/errors/pitr-error.ts';
import { type Probe, probeScript } from '../../contract/probe.ts';
import type { ReportPart } from '../../contract/script-report.ts';
import { PRESENCE } from '../../system/fs/presence.ts';
import { type BackupInfo, parseBackupInfo } from './backup-info.ts';
import type { ServerConfig } from './config.ts';
import { archiveInCloud, archiveUnreadable } from './errors.ts';

export interface BarmanServer extends ServerConfig {
  /** Of the cluster that this server archives; absent before its first backup. */
  readonly systemId?: string | undefined;
  /** The newest first; none where they could not be read. */
  readonly backups: readonly BackupInfo[];
  /** Why what it has could not be read, its backups or its archive. That it has nothing is not said then. */
  readonly unread?: PitrError | undefined;
}

// Arguments: name, backups' directory, meta directory, own directory of each server. Barman itself notes the cluster in the
// latter. Of what lies in both places the newer description
// counts, and the older note: Barman moves that over the newer one as soon as it looks.
const READ_BACKUPS = probeScript(`${PRESENCE}
quoted() { awk '{ print " " $0 }'; }
while [ $# -gt 0 ]; do
  echo "@server $1"
  for d in "$2" "$3" "$2"/* "$2"/*/annotations; do
    presence "$d"; case $? in 1) continue ;; 2) echo "@unreadable $d"; continue ;; esac
    [ ! -d "$d" ] || { [ -r "$d" ] && [ -x "$d" ]; } || echo "@unreadable $d"
  done
  for f in "$2"/*/backup.info "$3"/*-backup.info "$3"/*-keep; do [ ! -f "$f" ] || [ -r "$f" ] || echo "@unreadable $f"; done
  if [ -f "$4/identity.json" ]; then echo @identity; quoted <"$4/identity.json"; fi
  for f in "$2"/*/backup.info; do [ -f "$f" ] || continue; d=\${f%/*}; echo "@backup \${d##*/}"; quoted <"$f"; done
  for f in "$3"/*-keep; do [ -f "$f" ] || continue; b=\${f##*/}; echo "@kept \${b%-keep}"; quoted <"$f"; done
  for f in "$2"/*/annotations/keep; do [ -f "$f" ] || continue; d=\${f%/annotations/keep}; echo "@kept \${d##*/}"; quoted <"$f"; done
  for f in "$2"/*/annotations/delete_this; do [ -f "$f" ] || continue; d=\${f%/annotations/*}; echo "@deleted \${d##*/}"; done
  for f in "$3"/*-delete_this; do [ -f "$f" ] || continue; b=\${f##*/}; echo "@deleted \${b%-delete_this}"; done
  for f in "$2"/*/annotations/pitr.*; do [ -f "$f" ] || continue; d=\${f%/annotations/*}; echo "@held \${d##*/} \${f##*/pitr.}"; done
  for f in "$3"/*-backup.info; do [ -f "$f" ] || continue; b=\${f##*/}; echo "@backup \${b%-backup.info}"; quoted <"$f"; done
  shift 4
done
echo @end`);

/** A look at the backups of all servers, for `withBackups`. */
export function backupsProbe(servers: readonly ServerConfig[], user: string): Probe {
  const places = servers.flatMap(({ name, basebackups, meta, directory }) => [
    name,
    // What is noted on this host of backups in a cloud lies in meta.
    isInCloud(basebackups) ? `${directory}/base` : basebackups,
    meta,
    directory,
  ]);
  return READ_BACKUPS(places, { user });
}

function isInCloud(place: string): boolean {
  return /^[a-z][a-z0-9+.-]*:\/\//i.test(place);
}

/** Whether all that the server has lies where it can be looked at. */
export function isOnDisk({ basebackups, wals }: ServerConfig): boolean {
  return ![basebackups, wals].some(isInCloud);
}

/** A server with the backups that the look above has found, or why they could not be looked at. */
export function withBackups(config: ServerConfig, parts: readonly ReportPart[], host: string): BarmanServer {
  const start = parts.findIndex((part) => part.kind === 'server' && part.rest === config.name);
  const rest = parts.slice(start + 1);
  const end = rest.findIndex((part) => part.kind === 'server');
  const own = start === -1 ? [] : end === -1 ? rest : rest.slice(0, end);
  const backups = new Map<string, BackupInfo>();
  for (const part of own) {
    if (part.kind !== 'backup' || !/^\d{8}T\d{6}$/.test(part.rest)) continue;
    backups.set(part.rest, parseBackupInfo(config.name, part.rest, part.lines.join('\n')));
  }
  for (const { kind, rest: id, lines } of own) {
    const backup = backups.get(id);
    if (kind === 'kept' && backup !== undefined) backups.set(id, { ...backup, kept: lines.join('').trim() });
    if (kind === 'deleted' && backup !== undefined) backups.set(id, { ...backup, status: 'DELETING' });
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
  const server = { ...config, ...(systemId === undefined ? {} : { systemId }) };
  const unread = whyUnread(config, own, host);
  return unread === undefined ? { ...server, backups: newestFirst } : { ...server, backups: [], unread };
}

function whyUnread(config: ServerConfig, own: readonly ReportPart[], host: string): PitrError | undefined {
  const address = [config.basebackups, config.wals].find(isInCloud);
  if (address !== undefined) return archiveInCloud(host, config.name, address);
  const unreadable = own.find((part) => part.kind === 'unreadable');
  return unreadable === undefined
    ? undefined
    : archiveUnreadable(host, config.name, `cannot look into ${unreadable.rest}`);
}
