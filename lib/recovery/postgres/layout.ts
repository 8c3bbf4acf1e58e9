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
  readonly tablespaces: readonly string[];
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
for link in pg_tblspc/*; do [ ! -L "$link" ] || say "@tablespace $(readlink "$link")"; done
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

// As who owns the data: the recovered WAL takes its place there, and so does that of each copy.
const MAY_MAKE = probeScript('if [ -w "$1" ] && [ -x "$1" ]; then echo @open; fi; echo @end');

function layoutProbe(pgdata: string): Probe {
  return LOOK([pgdata]);
}

/**
 * `owner`: the OS user that owns the data; where it is given, it is asked whether it can make directories beside linked WAL.
 * Throws kind `refused` (`layout-unknown`) where something cannot be told.
 */
export async function readLayout(host: ReadHost, pgdata: string, owner?: string): Promise<Layout> {
  const answer = await host.query(layoutProbe(pgdata));
  const layout = answer.exitCode === 0 ? parseLayout(answer.stdout, pgdata) : undefined;
  if (layout === undefined) throw layoutUnknown(host, pgdata, answer);
  if (layout.wal === undefined || layout.wal_mount_point || owner === undefined) return layout;
  const above = posix.dirname(layout.wal);
  const asked = await host.query(MAY_MAKE([above], { user: owner }));
  if (asked.exitCode !== 0 || !asked.stdout.endsWith('@end\n')) throw layoutUnknown(host, pgdata, asked);
  return asked.stdout.startsWith('@open\n') ? layout : { ...layout, wal_closed: above };
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
