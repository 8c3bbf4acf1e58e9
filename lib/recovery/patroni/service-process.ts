import type { ReadHost } from '../../contract/host.ts';
import { probeScript } from '../../contract/probe.ts';
import { reportOf } from '../../contract/script-report.ts';
import {
  type ServiceManager,
  type ServiceState,
  serviceCommand,
  unitName,
} from '../../system/service/service-resource.ts';
import { commandLine } from '../../transport/quote.ts';
import { APART, patroniPython } from './config-file.ts';
import { BEGUN_BY, HOLDS_OTHERS, UNIT_OF } from './process-unit.ts';
import { PATRONI_PROCESSES } from './processes.ts';

/**
 * Whether a service runs the Patroni of a configuration; another one, of which configuration; `unknown` where that cannot be
 * told.
 */
export type ServedPatroni =
  | 'this'
  | 'unknown'
  | { readonly other: string }
  /** It runs the Patroni of the configuration as one thing of several: a supervisord, cron or sshd, which stops all. */
  | { readonly among: string };

/**
 * Python: a path is not what a Patroni is, for its configuration may have a copy or have been moved. Scope and name are
 * that; who has both the same and other data is not known. What a file does not say may be in the environment. `-` and the
 * directory of a process in the place of a file: what its environment says.
 */
const COMPARE = `${APART}
started = said_by(environment_in(sys.argv[3])) if sys.argv[2] == "-" else load(sys.argv[2])
same = all(config.get(key) and str(config[key]) == str(started.get(key)) for key in ("scope", "name"))
data = [str((one.get("postgresql") or {}).get("data_dir")) for one in (config, started)]
if is_another(started):
    print("other")
elif same and os.path.realpath(data[0]) == os.path.realpath(data[1]):
    print("this")
`;

/**
 * `merged_from CONFIG DIRECTORY`: whether Patroni, started with a directory, reads this file there. `compared_with
 * CONFIG WORD PROC PID`: whether a process that was started with this word (`-`: with none) runs `this` or an `other` Patroni;
 * nothing where that cannot be told.
 */
const SAME_PATRONI = `${patroniPython(COMPARE)}
compared_with() { patroni_python "$1" "$2" "$3/$4" 2>/dev/null </dev/null; }
merged_from() {
  case $1 in *.yml | *.yaml) [ -f "$1" ] && [ -d "$2" ] && same_file "\${1%/*}/" "$2/" ;; *) return 1 ;; esac
}`;

/**
 * The function `served_patroni PROC PID CONFIG` of sh, for behind `PATRONI_PROCESSES`: PID is the main process of the
 * service, which may be a wrapper. A Patroni without a configuration file is what its environment says. Where that tells
 * nothing, it counts where no other one runs.
 */
export const SERVED_PATRONI = `${SAME_PATRONI}${BEGUN_BY}${HOLDS_OTHERS}
this_patroni() { if holds_others "$1" "$2"; then echo "@among $holder"; else echo @this; fi; }
served_patroni() {
  nameless= other= elsewhere= unread= compared=
  running=$(patroni_processes "$1") || exit
  while read -r pid word; do
    [ -n "$pid" ] || continue
    if ! begun_by "$1" "$2" "$pid"; then elsewhere=yes
    elif [ "$word" = - ]; then
      case $(compared_with "$3" - "$1" "$pid") in
      this) this_patroni "$1" "$2"; return ;;
      other) other="the environment of process $pid" ;;
      *) nameless=yes ;;
      esac
    elif same_file "$word" "$3" || merged_from "$3" "$word"; then this_patroni "$1" "$2"; return
    elif [ "$word" != "$compared" ]; then
      compared=$word
      case $(compared_with "$3" "$word" "$1" "$pid") in
      this) this_patroni "$1" "$2"; return ;;
      other) other=$word ;;
      *) unread=yes ;;
      esac
    fi
  done <<EOF
$running
EOF
  if [ -n "$unread" ]; then echo @unknown
  elif [ -n "$other" ]; then echo "@other $other"
  elif [ -n "$nameless" ] && [ -z "$elsewhere" ]; then this_patroni "$1" "$2"
  else echo @unknown; fi
}`;

/**
 * The function `living_patroni PROC CONFIG PID` of sh, for behind `PATRONI_PROCESSES`: a Patroni of the configuration, or of the
 * same scope and name on the same data, whoever has started it, but for the process PID (may be empty) and what comes from
 * it: `@living PID UNIT HELD` (see `unit_of`), without what there is none of. One without a configuration file is what its
 * environment says. Where that tells nothing, it counts where no other one runs. One in a container that the host shows does
 * not: its paths are other files there.
 */
export const LIVING_PATRONI = `${SAME_PATRONI}${UNIT_OF}
living_patroni() {
  nameless= others=
  running=$(patroni_processes "$1") || exit
  while read -r pid word; do
    [ -n "$pid" ] || continue
    ! grep -qsE '^NSpid:([[:space:]]+[0-9]+){2}' "$1/$pid/status" || continue
    [ -z "$3" ] || ! begun_by "$1" "$3" "$pid" || continue
    if [ "$word" = - ] || { ! same_file "$word" "$2" && ! merged_from "$2" "$word"; }; then
      told=$(compared_with "$2" "$word" "$1" "$pid")
      if [ "$word$told" = - ]; then nameless=$pid; else others=yes; fi
      [ "$told" = this ] || continue
    fi
    living "$1" "$pid"
    return
  done <<EOF
$running
EOF
  [ -z "$nameless" ] || [ -n "$others" ] || living "$1" "$nameless"
}
living() {
  unit_of "$1" "$2"
  echo "@living $2\${unit:+ $unit}\${held:+ $held}"
}`;

const LOOK_LIVING = probeScript(`${PATRONI_PROCESSES}${LIVING_PATRONI}
living_patroni /proc "$1" "$2"
echo @end`);

/** A Patroni that runs, and the unit of systemd that it runs in. */
export interface LivingPatroni {
  readonly pid: number;
  readonly unit?: string;
  /** Where that unit is not what keeps it up: what else does, as `unit_of` tells it. */
  readonly heldBy?: string;
}

/**
 * Asks a host whether a Patroni of a configuration runs there, whatever the manager of its service says; `but`: one that does
 * not come from this process.
 */
export async function livingPatroni(
  host: ReadHost,
  config: string,
  but?: number,
): Promise<LivingPatroni | undefined> {
  const answer = await host.query(LOOK_LIVING([config, String(but ?? '')], { timeoutMs: 30_000 }));
  const [told] = reportOf(answer, host.name, `whether the Patroni of ${config} runs`);
  if (told === undefined) return undefined;
  const [pid = '', unit, heldBy] = told.rest.split(' ');
  return {
    pid: Number(pid),
    ...(unit === undefined ? {} : { unit }),
    ...(heldBy === undefined ? {} : { heldBy }),
  };
}

const isOfUser = ({ heldBy }: LivingPatroni): boolean => heldBy?.startsWith('user@') === true;

/** `process 4711, in the unit patroni@main.service` */
export function livingWords(living: LivingPatroni): string {
  const { pid, unit, heldBy } = living;
  if (unit === undefined) return `process ${pid}`;
  const again = isOfUser(living)
    ? ` of ${heldBy}, which may start it again`
    : heldBy === 'supervisord'
      ? ', where supervisord may start it again'
      : '';
  return `process ${pid}, in the unit ${unit}${again}`;
}

/**
 * What stops it, as it can be typed: its unit, where that keeps it up, and would start it again. One that only happens to
 * hold it (that of cron, of sshd, of supervisord) would take others along, and that of a user is none of the system.
 */
export function stopsLiving({ pid, unit, heldBy }: LivingPatroni): string {
  return commandLine(
    unit !== undefined && heldBy === undefined
      ? serviceCommand('systemd', unit, 'stop')
      : ['kill', String(pid)],
  );
}

const LOOK = probeScript(`${PATRONI_PROCESSES}${SERVED_PATRONI}
served_patroni /proc "$1" "$2"
echo @end`);

/** Asks a host, by the main process that its manager names. */
export async function servedPatroni(host: ReadHost, pid: number, config: string): Promise<ServedPatroni> {
  const answer = await host.query(LOOK([String(pid), config], { timeoutMs: 30_000 }));
  const [told] = reportOf(answer, host.name, `what runs the Patroni of ${config}`);
  if (told?.kind === 'other') return { other: told.rest };
  if (told?.kind === 'among') return { among: told.rest };
  return told?.kind === 'this' ? 'this' : 'unknown';
}

/** The service that is to run the Patroni of a configuration. */
export interface PatroniService {
  readonly manager: ServiceManager;
  readonly service: string;
  readonly config: string;
}

export interface PatroniThere {
  readonly served: ServedPatroni;
  /** The Patroni of the configuration that runs, and that the service does not run. */
  readonly beside?: LivingPatroni | undefined;
}

/** What a service runs that is in this state, and whether its Patroni runs beside it: a service that is up may run something else. */
export async function patroniThere(
  host: ReadHost,
  { manager, service, config }: PatroniService,
  { state, changing, pid }: ServiceState,
): Promise<PatroniThere> {
  const served = pid === undefined ? 'unknown' : await servedPatroni(host, pid, config);
  if (served === 'this' || (served !== 'unknown' && 'among' in served)) return { served };
  const up = state === 'running' || changing !== undefined;
  // supervisor names no process of one that it is starting, and it would be found there.
  if (up && pid === undefined && manager === 'supervisor') return { served };
  const living = await livingPatroni(host, config, pid);
  // A Patroni that its unit has put into the background is stopped with it.
  const own =
    living !== undefined && manager === 'systemd' && living.unit === unitName(service) && !isOfUser(living);
  return { served, beside: up && own ? undefined : living };
}
