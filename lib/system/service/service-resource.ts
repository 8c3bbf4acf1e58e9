import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Resource } from '../../contract/host.ts';
import { probe } from '../../contract/probe.ts';
import type { RunResult } from '../../transport/types.ts';

/** A service by its own name: managers take `*` and `all` for many. */
export const serviceName = z
  .string()
  .regex(
    /^(?!all$)[A-Za-z0-9_][\w.:@\\-]*$/,
    'expected the name of one service (letters, digits, _ . : @ \\ -; not "all")',
  );

export const SERVICE_MANAGERS = ['supervisor', 'systemd'] as const;

/** What starts and stops services on a host. */
export type ServiceManager = (typeof SERVICE_MANAGERS)[number];

export type ServiceAction = 'start' | 'stop' | 'restart' | 'reload';

/** What a service manager says of one service. */
export interface ServiceState {
  /**
   * - `running`: up, or (with `changing`) on its way up or down
   * - `stopped`: down on purpose, or ended by itself without complaint
   * - `failed`: down, and its manager calls that a failure
   * - `missing`: its manager knows no such service
   */
  readonly state: 'running' | 'stopped' | 'failed' | 'missing';
  /** Not there yet: ask again before relying on it. */
  readonly changing?: 'starting' | 'stopping' | undefined;
  /** Main process; absent when none runs, and in predictions. */
  readonly pid?: number | undefined;
  /** Its manager is told to start it for nobody (`systemctl mask`). */
  readonly masked?: true | undefined;
  /** The manager's own words, for messages. */
  readonly detail?: string | undefined;
}

/** The id of a service: `supervisor:patroni`. */
export function serviceId(manager: ServiceManager, name: string): string {
  return `${manager}:${name}`;
}

/** A service by `<manager>:<name>`. */
export const serviceResource: Resource<ServiceState> = {
  kind: 'service',
  scope: 'host',
  read: async (host, id) => {
    const { manager, name } = parseServiceId(id);
    const answer = await host.query(probe(statusCommand(manager, name), { timeoutMs: 30_000 }));
    return parseServiceState(manager, name, answer);
  },
};

function parseServiceId(id: string): { readonly manager: ServiceManager; readonly name: string } {
  const colon = id.indexOf(':');
  const manager = SERVICE_MANAGERS.find((known) => known === id.slice(0, colon));
  if (manager === undefined) throw new Error(`"${id}" is not <manager>:<name> of a service`);
  return { manager, name: id.slice(colon + 1) };
}

/** The command that makes a manager act on a service; its exit code proves little, look again afterwards. */
export function serviceCommand(manager: ServiceManager, name: string, action: ServiceAction): string[] {
  if (manager === 'systemd') return ['systemctl', '--no-ask-password', action, '--', unitName(name)];
  // supervisor itself knows no reload of one program: HUP is what a daemon takes for it.
  if (action === 'reload') return ['supervisorctl', 'signal', 'HUP', name];
  return ['supervisorctl', action, name];
}

/** The read-only command whose answer `parseServiceState` reads. */
export function statusCommand(manager: ServiceManager, name: string): string[] {
  return manager === 'systemd'
    ? ['systemctl', 'show', '--property=LoadState,ActiveState,SubState,MainPID,Result', '--', unitName(name)]
    : ['supervisorctl', 'status', name];
}

/** The unit of a service. */
export function unitName(name: string): string {
  return /\.(service|socket|target|timer|mount|path)$/.test(name) ? name : `${name}.service`;
}

/** The part of a command's result that tells a service's state. */
export type ServiceAnswer = Pick<RunResult, 'argv' | 'exitCode' | 'stdout' | 'stderr' | 'timedOut'>;

/**
 * Reads what a manager answered. Throws kind `failed` (`service-manager-silent`) when the manager itself does not
 * answer, which is not the same as a service that is down.
 */
export function parseServiceState(
  manager: ServiceManager,
  name: string,
  answer: ServiceAnswer,
): ServiceState {
  const state = manager === 'systemd' ? parseSystemd(answer.stdout) : parseSupervisor(name, answer.stdout);
  if (state !== undefined) return state;
  throw new PitrError({
    kind: 'failed',
    code: 'service-manager-silent',
    message: `${manager} does not answer, so it cannot tell about the service "${name}"`,
    evidence: {
      command: answer.argv.join(' '),
      ...(answer.exitCode === undefined ? {} : { exitCode: answer.exitCode }),
      timedOut: answer.timedOut,
      stderr: (answer.stderr.trim() === '' ? answer.stdout : answer.stderr).trim().slice(-2000),
    },
    next:
      manager === 'supervisor'
        ? ['supervisorctl avail', 'or set service_manager: systemd where systemd runs the service']
        : [
            'systemctl is-system-running',
            'or set service_manager: supervisor where supervisord runs the service',
          ],
  });
}

type Settled = Pick<ServiceState, 'state' | 'changing'>;

/** supervisord's process states (its manual, "Process States"). */
const SUPERVISOR: Readonly<Record<string, Settled>> = {
  RUNNING: { state: 'running' },
  STARTING: { state: 'running', changing: 'starting' },
  STOPPING: { state: 'running', changing: 'stopping' },
  // Died before `startsecs`, and will be tried again.
  BACKOFF: { state: 'failed', changing: 'starting' },
  STOPPED: { state: 'stopped' },
  EXITED: { state: 'stopped' },
  FATAL: { state: 'failed' },
  UNKNOWN: { state: 'failed' },
};

function parseSupervisor(name: string, stdout: string): ServiceState | undefined {
  for (const line of stdout.split('\n')) {
    const [program = '', word = '', ...rest] = line.trim().split(/\s+/);
    if (/^ERROR\b/.test(word) && /no such (process|group)/.test(line))
      return { state: 'missing', detail: line.trim() };
    // A program of a group of its own name is listed as `name:name`.
    if (program !== name && program !== `${name}:${name}`) continue;
    const settled = SUPERVISOR[word];
    if (settled === undefined) continue;
    const pid = /\bpid (\d+)/.exec(rest.join(' '))?.[1];
    return {
      ...settled,
      ...(pid === undefined ? {} : { pid: Number(pid) }),
      detail: [word, ...rest].join(' '),
    };
  }
  return undefined;
}

/** systemd's `ActiveState` (org.freedesktop.systemd1, Unit). */
const SYSTEMD: Readonly<Record<string, Settled>> = {
  active: { state: 'running' },
  reloading: { state: 'running' },
  refreshing: { state: 'running' },
  activating: { state: 'running', changing: 'starting' },
  deactivating: { state: 'running', changing: 'stopping' },
  inactive: { state: 'stopped' },
  maintenance: { state: 'stopped' },
  failed: { state: 'failed' },
};

function parseSystemd(stdout: string): ServiceState | undefined {
  const told = new Map(
    stdout.split('\n').map((line) => {
      const [key = '', ...value] = line.split('=');
      return [key, value.join('=').trim()] as const;
    }),
  );
  const settled = SYSTEMD[told.get('ActiveState') ?? ''];
  const gone = told.get('LoadState') === 'not-found';
  // One whose file was removed while it ran runs on, and can be stopped.
  if (gone && settled?.state !== 'running') return { state: 'missing', detail: 'not-found' };
  if (settled === undefined) return undefined;
  const pid = Number(told.get('MainPID') ?? 0);
  const masked = told.get('LoadState') === 'masked';
  const words = [told.get('ActiveState'), told.get('SubState')];
  if (masked) words.push('masked');
  if (gone) words.push('not-found');
  if (settled.state === 'failed') words.push(told.get('Result'));
  return {
    ...settled,
    ...(pid > 0 ? { pid } : {}),
    ...(masked ? { masked } : {}),
    detail: words.filter((word) => word !== undefined && word !== '').join(' '),
  };
}
