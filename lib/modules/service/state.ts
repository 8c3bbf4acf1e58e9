import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { Unknown } from '../../base/values/unknown.ts';
import { durationParam, milliseconds } from '../../base/wait/duration.ts';
import { deadlinePassed, until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { type Change, defineModule, type WorkContext } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import {
  SERVICE_MANAGERS,
  type ServiceAction,
  type ServiceManager,
  type ServiceState,
  serviceCommand,
  serviceId,
  serviceName,
  serviceResource,
} from '../../system/service/service-resource.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';

const params = z.strictObject({
  name: serviceName.describe('the service'),
  state: z
    .enum(['started', 'stopped', 'restarted', 'reloaded'])
    .default('started')
    .describe('started and stopped do nothing when it is so already; restarted and reloaded always act'),
  manager: z
    .enum(SERVICE_MANAGERS)
    .default('systemd')
    .meta({ variable: 'service_manager' })
    .describe('what runs services on the host'),
  timeout: durationParam.default(90).describe('how long it may take until it is so'),
});

type Params = z.output<typeof params>;

interface State {
  readonly service: ServiceState | Unknown;
}

interface ServiceChange extends Change {
  readonly manager: ServiceManager;
  readonly name: string;
  readonly action: ServiceAction;
  readonly wanted: 'running' | 'stopped';
  readonly before: ServiceState;
  readonly timeoutMs: number;
}

export const module = defineModule({
  summary: 'Starts, stops, restarts or reloads a service, and waits until it is truly so.',
  description:
    "Goes by what the manager says of the service afterwards, not by the command's exit code. A service that the manager does not know is refused before anything is changed.",
  examples: `- service.state: { name: pgbouncer, state: restarted }
- service.state:
    name: patroni
    state: stopped
    manager: supervisor`,
  params,
  freeForm: 'name',
  returns: {
    name: 'the service',
    state: 'running or stopped',
    before: 'what it was: running, stopped or failed',
    pid: 'main process, where one runs',
  },
  read: async (host, { manager, name }): Promise<State> => ({
    service: await host.look(serviceResource, serviceId(manager, name)),
  }),
  plan,
  unchanged: (state, { name }) => {
    const service = known(state.service);
    return resultOf(name, service, service);
  },
  predict: ({ manager, name, wanted, before }) => ({
    resources: [predicted(serviceResource, serviceId(manager, name), { state: wanted })],
    result: { name, state: wanted, before: before.state },
  }),
  apply: async (host, change, _p, context) => {
    const after = await bring(host, change, change.action, change.wanted, context);
    return resultOf(change.name, after, change.before);
  },
  undo: async (host, change, context) => {
    const ran = change.before.state === 'running';
    const now = known(await host.look(serviceResource, serviceId(change.manager, change.name)));
    if ((now.state === 'running') === ran && now.changing === undefined) return;
    await bring(host, change, ran ? 'start' : 'stop', ran ? 'running' : 'stopped', context);
  },
});

function plan(state: State, { name, manager, state: wish, timeout }: Params): ServiceChange | undefined {
  const before = known(state.service);
  if (before.state === 'missing') {
    throw new PitrError({
      kind: 'refused',
      code: 'service-unknown',
      message: `${manager} knows no service "${name}"`,
      next:
        manager === 'supervisor'
          ? ['supervisorctl status', 'supervisorctl reread && supervisorctl update, when its file is new']
          : [`systemctl list-unit-files '*${name}*'`],
    });
  }
  const running = before.state === 'running';
  const base = { manager, name, before, timeoutMs: milliseconds(timeout) };
  if (wish === 'stopped') {
    if (!running && before.changing === undefined) return undefined;
    return { summary: `stop ${name}`, ...base, action: 'stop', wanted: 'stopped' };
  }
  if (wish === 'started') {
    if (running && before.changing === undefined) return undefined;
    return { summary: `start ${name}`, ...base, action: 'start', wanted: 'running' };
  }
  if (!running)
    return { summary: `start ${name} (it is ${before.state})`, ...base, action: 'start', wanted: 'running' };
  return wish === 'restarted'
    ? { summary: `restart ${name}`, ...base, action: 'restart', wanted: 'running' }
    : { summary: `reload ${name}`, ...base, action: 'reload', wanted: 'running' };
}

/** Acts, then looks until the service is settled as wanted. Throws with the manager's own words otherwise. */
async function bring(
  host: WriteHost,
  { manager, name, timeoutMs, before }: ServiceChange,
  action: ServiceAction,
  wanted: 'running' | 'stopped',
  context: WorkContext,
): Promise<ServiceState> {
  const started = performance.now();
  const command = await host.run(serviceCommand(manager, name, action), {
    ownChannel: true,
    timeoutMs,
    signal: context.signal,
  });
  const words = (state: ServiceState): string => state.detail ?? state.state;
  const seen = await until(async () => known(await host.look(serviceResource, serviceId(manager, name))), {
    everyMs: 300,
    deadlineMs: Math.max(0, timeoutMs - (performance.now() - started)),
    signal: context.signal,
    done: (state) => state.changing === undefined,
    // Where it is started anew, say.
    passing: ['service-manager-silent'],
    onSeen: (state) => context.progress(`${name}: ${words(state)}`),
    late: (state) =>
      deadlinePassed({
        what: `${name} to be ${wanted}`,
        deadlineMs: timeoutMs,
        lastSeen: words(state),
        next: logsOf(manager, name),
      }),
  });
  const running = seen.state === 'running';
  // supervisorctl exits 0 when it did nothing, so a restart is proved by the process being another one.
  const same = action === 'restart' && seen.pid !== undefined && seen.pid === before.pid;
  const failed = action === 'reload' && command.exitCode !== 0;
  if (running === (wanted === 'running') && !same && !failed) return seen;
  throw notSo(name, action, seen, command, manager);
}

const FAILED: Readonly<Record<ServiceAction, string>> = {
  start: 'service-start-failed',
  stop: 'service-stop-failed',
  restart: 'service-restart-failed',
  reload: 'service-reload-failed',
};

function notSo(
  name: string,
  action: ServiceAction,
  seen: ServiceState,
  command: RunResult,
  manager: ServiceManager,
): PitrError {
  return new PitrError({
    kind: 'failed',
    code: FAILED[action],
    message: `${name} did not ${action}; ${manager} says: ${seen.detail ?? seen.state}`,
    evidence: evidenceOf(command),
    state: `${name} is ${seen.state}`,
    next: logsOf(manager, name),
  });
}

function logsOf(manager: ServiceManager, name: string): readonly string[] {
  return manager === 'supervisor'
    ? [`supervisorctl tail ${name}`, `supervisorctl tail ${name} stderr`]
    : [`systemctl status ${name}`, `journalctl -u ${name} -n 50`];
}

function resultOf(name: string, { state, pid }: ServiceState, before: ServiceState) {
  return { name, state, before: before.state, ...(pid === undefined ? {} : { pid }) };
}
