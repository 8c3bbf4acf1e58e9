import { randomBytes } from 'node:crypto';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import { probe, probeScript } from '../../contract/probe.ts';
import { commandFailed, evidenceOf } from '../../transport/command-failed.ts';
import { commandLine } from '../../transport/quote.ts';
import type { RunResult } from '../../transport/types.ts';
import { unitName } from './service-resource.ts';

const LIMITS = [
  ...['CPU', 'FSIZE', 'DATA', 'STACK', 'CORE', 'RSS', 'NOFILE', 'AS', 'NPROC', 'MEMLOCK', 'LOCKS'],
  ...['SIGPENDING', 'MSGQUEUE', 'NICE', 'RTPRIO', 'RTTIME'],
].map((name) => `Limit${name}`);
/** What a service passes on to its processes besides its limits. */
const INHERITED = ['Slice', 'UMask', 'Nice', 'OOMScoreAdjust'];
const SHOWN = ['LoadState', ...INHERITED, ...LIMITS, ...LIMITS.map((limit) => `${limit}Soft`)].join(',');

/** The first systemd whose `systemd-run` knows all of `--pipe`, `--wait` and `--collect`. */
const RUNS_IN_UNIT = 236;

/** How a command gets a unit of its own on a host: the words before it. */
export interface OwnUnit {
  readonly unit: string;
  readonly words: readonly string[];
}

/** Why systemd gives no unit where it runs. */
type WithoutUnit = 'not-root' | 'too-old';

/**
 * The way into a unit of its own for what a command leaves running, with limits and slice of a service, and the PATH of its
 * user: what a login starts lives in its session, and ends with it where logind says so. Undefined where systemd is not the
 * host's first process; `not-root` where this user may not ask it, `too-old` where it cannot do that yet. Throws kind `failed`
 * where that, what the service has, or the PATH cannot be told.
 */
export async function ownUnit(
  host: ReadHost,
  name: string,
  user: string,
  service: string,
): Promise<OwnUnit | WithoutUnit | undefined> {
  const [booted, who, told, versioned] = await host.queryAll([
    probe(['test', '-d', '/run/systemd/system']),
    probe(['id', '-u']),
    probe(['systemctl', 'show', `--property=${SHOWN}`, '--', unitName(service)]),
    probe(['systemctl', '--version']),
  ]);
  if (booted === undefined || who === undefined || told === undefined || versioned === undefined)
    throw new Error('a batch of four gave fewer answers');
  // 1 says that it is not; everything else says that it cannot be told.
  if (booted.exitCode !== 0 && booted.exitCode !== 1) throw commandFailed(booted, host.name);
  if (booted.exitCode === 1) return undefined;
  if (!/^\d+$/m.test(who.stdout)) throw commandFailed(who, host.name);
  const version = /^systemd (\d+)/m.exec(versioned.stdout)?.[1];
  if (version !== undefined && Number(version) < RUNS_IN_UNIT) return 'too-old';
  if (who.stdout.trim() !== '0') return 'not-root';
  if (!/^LoadState=/m.test(told.stdout)) throw limitsUntold(service, told);
  if (version === undefined) throw commandFailed(versioned, host.name);
  const path = await host.query(PATH_OF([], { user }));
  if (path.stdout.trim() === '') throw commandFailed(path, host.name);
  const unit = `pitr-${name}-${randomBytes(4).toString('hex')}`;
  const properties = inherited(told.stdout).flatMap((property) => ['-p', property]);
  const words = [...RUN, `--unit=${unit}`, `--uid=${user}`, ...properties, ...COMMAND];
  return { unit, words: [...words, `PATH=${path.stdout.trim()}:${PATH_OF_UNIT}`] };
}

const RUN = [
  ...['systemd-run', '--quiet', '--collect', '--pipe', '--wait'],
  ...['-p', 'Type=oneshot', '-p', 'KillMode=process'],
];
// By `env`, from which the command gets the security context of what the service itself starts: by the labels of
// PostgreSQL's own programs systemd would put it into another one, in which it may not use ssh (SELinux of RHEL).
const COMMAND = ['--', 'env'];

const PATH_OF = probeScript('printf "%s\\n" "$PATH"');
// What the command starts (barman-wal-restore, say) is to be found where its user has found it so far. Behind that stands what
// systemd would give the unit: sudo may leave out a part of it.
const PATH_OF_UNIT = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin';

// As `inherited` reads it.
const INHERIT = `awk -F= '{ v[$1] = $2 } END { if (v["LoadState"] != "loaded") print "-p Slice=system.slice"; else for (n in v) if (n !~ /^LoadState$|Soft$/ && v[n] != "") print "-p " n "=" ((n "Soft") in v ? v[n "Soft"] ":" : "") v[n] }'`;

/** The same for root at a shell there: a text of `sh`, which can be typed again. */
export function inOwnUnit(name: string, user: string, service: string, argv: readonly string[]): string {
  const shown = commandLine(['systemctl', 'show', `--property=${SHOWN}`, '--', unitName(service)]);
  return [
    commandLine([...RUN, `--uid=${user}`]),
    `--unit=pitr-${name}-$(date +%s)`,
    `$(${shown} | ${INHERIT})`,
    commandLine(COMMAND),
    `"PATH=$PATH:${PATH_OF_UNIT}"`,
    commandLine(argv),
  ].join(' ');
}

/** A text of `sh` that says `unit` where systemd can do that. */
export const GIVES_UNIT = `systemctl --version | awk '$1 == "systemd" && $2 + 0 >= ${RUNS_IN_UNIT} { print "unit" }'`;

const WHY_WITHOUT: Readonly<Record<WithoutUnit, readonly [why: string, mends: string]>> = {
  'not-root': [
    'only root can ask systemd for a unit of its own',
    'ansible_become: true in the inventory mends that.',
  ],
  'too-old': [
    `a systemd before ${RUNS_IN_UNIT} cannot give a unit of its own`,
    'KillUserProcesses=no in its logind.conf mends that.',
  ],
};

/** What it means for something that is started that it gets no unit where systemd runs, in words. */
export function belongsToLogin(unit: WithoutUnit, what: string): string {
  const [why, mends] = WHY_WITHOUT[unit];
  return `${why}, so ${what} belongs to this login: where logind has KillUserProcesses=yes it ends with it. ${mends}`;
}

function limitsUntold(service: string, told: RunResult): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'service-manager-silent',
    message: `systemd does not tell the limits of ${unitName(service)}, which a unit of its own is to have`,
    evidence: evidenceOf(told),
    next: [`See what it says: systemctl show ${unitName(service)}`],
  });
}

/** The properties of a service, as `systemctl show` prints them, for a unit that is to run as it would. */
export function inherited(shown: string): readonly string[] {
  const values = new Map(
    shown.split('\n').map((line) => {
      const equals = line.indexOf('=');
      return [line.slice(0, equals), line.slice(equals + 1).trim()] as const;
    }),
  );
  if (values.get('LoadState') !== 'loaded') return ['Slice=system.slice'];
  const plain = INHERITED.flatMap((name) => {
    const value = values.get(name) ?? '';
    return value === '' ? [] : [`${name}=${value}`];
  });
  const limits = LIMITS.flatMap((name) => {
    const hard = values.get(name) ?? '';
    const soft = values.get(`${name}Soft`) ?? '';
    return hard === '' ? [] : [`${name}=${soft === '' ? hard : `${soft}:${hard}`}`];
  });
  return [...plain, ...limits];
}

/**
 * Moves a process and its children ($2) to where the main process of a service ($1) is, in every hierarchy. Children
 * that are born meanwhile are met in the next round.
 */
const JOIN = `
set -u
for round in 1 2 3 4 5; do
  left=0
  for pid in "$2" $(for s in /proc/[0-9]*/stat; do read -r p c t parent rest <"$s" 2>/dev/null && [ "$parent" = "$2" ] && echo "$p"; done); do
    there=$(cat "/proc/$pid/cgroup" 2>/dev/null) || continue
    [ "$there" != "$(cat "/proc/$1/cgroup")" ] || continue
    left=1
    while IFS=: read -r number kind path; do
      case $kind in
        '') root=/sys/fs/cgroup; [ -f "$root/cgroup.procs" ] || root=/sys/fs/cgroup/unified ;;
        name=*) root=/sys/fs/cgroup/\${kind#name=} ;;
        *) root=/sys/fs/cgroup/$kind ;;
      esac
      echo "$pid" >"$root$path/cgroup.procs" || [ ! -d "/proc/$pid" ] || exit 1
    done <"/proc/$1/cgroup"
  done
  [ "$left" = 1 ] || exit 0
done
echo 'it forks faster than it can be moved' >&2
exit 1`;

/** Makes a process and its children part of a running service. What keeps it from that, or undefined. */
export async function joinService(host: WriteHost, main: number, pid: number): Promise<string | undefined> {
  const result = await host.run(['sh', '-c', JOIN, 'sh', String(main), String(pid)]);
  return result.exitCode === 0 ? undefined : result.stderr.trim();
}
