import { posix } from 'node:path';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import type { Probe } from '../../contract/probe.ts';
import { probeScript } from '../../contract/probe.ts';
import { PLAIN_MOUNT } from '../../system/fs/mount-name.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import { parseOptions } from './instance.ts';

/** Where the parts of a data directory are. */
export interface Layout {
  readonly mount_point: boolean;
  /** Where it leads, where it is itself a symbolic link. */
  readonly link?: string;
  /** Whether data lies in it. */
  readonly has_data: boolean;
  readonly config_file?: string;
  readonly wal?: string;
  readonly wal_mount_point: boolean;
  /** The directory above it, where the owner of the data cannot make another one in it. */
  readonly wal_closed?: string;
  /** It is one of the system: its owner could replace what the system keeps there, so it is not to be given to anybody. */
  readonly wal_closed_of_system?: boolean;
  readonly tablespaces: readonly string[];
  /** Their numbers, by which a backup knows them, too. */
  readonly tablespace_oids: readonly number[];
  /** The directory above the data directory, where its owner cannot make another one in it. */
  readonly data_closed?: string;
  /** As above. */
  readonly data_closed_of_system?: boolean;
  /** What keeps it from being moved into another directory: links that would break, and what is mounted in it. In words. */
  readonly fixed: readonly string[];
}

// /proc/self/mountinfo knows a bind mount within one file system too, which device numbers do not tell. By the
// shell alone: where a program is missing, nothing would be mounted.
const LOOK = probeScript(`${PLAIN_MOUNT}
set -u
say() { printf '%s\\n' "$1"; }
[ -r /proc/self/mountinfo ] || { echo 'cannot read /proc/self/mountinfo' >&2; exit 3; }
mounted() {
  while read -r _ _ _ _ name _; do
    plain_mount "$name"
    [ "$at" != "$1" ] || return 0
  done </proc/self/mountinfo || exit 3
  return 1
}
real=$(readlink -f -- "$1") || { echo "$1 is not there" >&2; exit 3; }
say "@real $real"
if [ -L "$1" ]; then echo @link; fi
if mounted "$real"; then echo @mounted; fi
if [ ! -d "$1" ]; then echo @end; exit 0; fi
cd -- "$1" || exit 3
if [ -f postmaster.opts ]; then printf '@opts '; head -n 1 postmaster.opts || exit 3; fi
if [ -f PG_VERSION ]; then echo @data; fi
if [ -f PG_VERSION ] && [ ! -f postgresql.conf ]; then echo @unconfigured; fi
if [ -L pg_wal ]; then
  wal=$(readlink -f pg_wal) || wal=$(readlink pg_wal)
  say "@wal $wal"
  if mounted "$wal"; then echo @walmounted; fi
fi
for link in pg_tblspc/*; do
  if [ -L "$link" ]; then say "@tablespace $(readlink "$link")"; say "@oid \${link#pg_tblspc/}"; fi
done
for link in * pg_tblspc/*; do
  [ -L "$link" ] || continue
  to=$(readlink -- "$link") || exit 3
  case $to/ in
  "$1"/* | "$real"/*) say "@fixed $link is a link to $to, which lies in it" ;;
  /*) ;;
  *) say "@fixed $link is a link to $to, which is no absolute path" ;;
  esac
done
while read -r _ _ _ _ name _; do
  plain_mount "$name"
  case $at in "$real"/*) say "@fixed $at is a mount point" ;; esac
done </proc/self/mountinfo || exit 3
echo @end`);

// As who owns the data: a copy is made there, and so is its WAL, and the WAL of what is recovered. A link to a directory is
// followed by who changes its owner, too.
const MAY_MAKE = probeScript(
  'for d do if [ -w "$d" ] && [ -x "$d" ]; then echo @open; else echo "@closed $(readlink -f -- "$d")"; fi; done; echo @end',
);

/** Directories of the system, in which others have things besides, or all below which is its own. */
const OF_SYSTEM = [
  /^\/$/,
  /^\/(?:home|media|mnt|opt|srv|tmp|var)$/,
  /^\/var\/[^/]+$/,
  /^\/(?:bin|boot|dev|etc|lib(?:32|64|x32)?|proc|root|run|sbin|sys|usr)(?:\/|$)/,
];

function layoutProbe(pgdata: string): Probe {
  return LOOK([pgdata]);
}

/**
 * `owner`: the OS user that owns the data; where it is given, it is asked whether it can make directories beside the data, and
 * beside linked WAL.
 * Throws kind `refused` (`layout-unknown`) where something cannot be told.
 */
export async function readLayout(host: ReadHost, pgdata: string, owner?: string): Promise<Layout> {
  const answer = await host.query(layoutProbe(pgdata));
  const layout = answer.exitCode === 0 ? parseLayout(answer.stdout, pgdata) : undefined;
  if (layout === undefined) throw layoutUnknown(host, pgdata, answer);
  if (owner === undefined) return layout;
  const above = [pgdata, ...(layout.wal === undefined ? [] : [layout.wal])].map((path) =>
    posix.dirname(path),
  );
  const asked = await host.query(MAY_MAKE(above, { user: owner }));
  const said = asked.stdout.split('\n').slice(0, -1);
  if (asked.exitCode !== 0 || said.length !== above.length + 1 || said.at(-1) !== '@end')
    throw layoutUnknown(host, pgdata, asked);
  const [data, wal] = above.map((path, index) => closedAs(path, said[index] ?? ''));
  return {
    ...layout,
    ...(data === undefined ? {} : { data_closed: data.path, data_closed_of_system: data.ofSystem }),
    ...(wal === undefined ? {} : { wal_closed: wal.path, wal_closed_of_system: wal.ofSystem }),
  };
}

function closedAs(path: string, said: string): { path: string; ofSystem: boolean } | undefined {
  if (said === '@open') return undefined;
  const leadsTo = said.slice('@closed '.length);
  return { path, ofSystem: OF_SYSTEM.some((those) => those.test(path) || those.test(leadsTo)) };
}

function layoutUnknown(host: ReadHost, pgdata: string, answer: RunResult): PitrError {
  return new PitrError({
    kind: 'refused',
    code: 'layout-unknown',
    message: `cannot tell how ${pgdata} is laid out`,
    host: host.name,
    evidence: evidenceOf(answer),
    next: ['Let the task become root or the owner of the data directory (become: true).'],
  });
}

/** Reads the answer; undefined where it is not whole. */
export function parseLayout(answer: string, pgdata: string): Layout | undefined {
  const lines = answer.split('\n').filter((line) => line !== '');
  if (lines.at(-1) !== '@end') return undefined;
  const values = (name: string) =>
    lines.flatMap((line) => (line.startsWith(`@${name} `) ? [line.slice(name.length + 2)] : []));
  const [real = pgdata] = values('real');
  const [wal] = values('wal');
  const configFile =
    outside(configFileOf(values('opts')[0] ?? ''), [pgdata, real]) ??
    (lines.includes('@unconfigured') ? 'a place outside' : undefined);
  return {
    mount_point: lines.includes('@mounted'),
    ...(lines.includes('@link') ? { link: real } : {}),
    has_data: lines.includes('@data'),
    ...(configFile === undefined ? {} : { config_file: configFile }),
    ...(wal === undefined ? {} : { wal }),
    wal_mount_point: lines.includes('@walmounted'),
    tablespaces: values('tablespace'),
    tablespace_oids: values('oid').map(Number),
    fixed: values('fixed'),
  };
}

/** What the last start was told: `--config-file=` as Patroni says it, or `-c config_file=`. */
function configFileOf(options: string): string | undefined {
  const words = parseOptions(options);
  return words
    .map((word) => /^(?:--)?config[-_]file=(.*)$/.exec(word)?.[1])
    .find((path) => path !== undefined && path !== '');
}

function outside(path: string | undefined, directories: readonly string[]): string | undefined {
  if (path === undefined || !posix.isAbsolute(path)) return undefined;
  return directories.some((directory) => path.startsWith(`${directory}/`)) ? undefined : path;
}
