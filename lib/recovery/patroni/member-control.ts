import { PitrError } from '../../base/errors/pitr-error.ts';
import { until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { BROKEN_OFF } from '../../contract/script-report.ts';
import { joinService } from '../../system/service/own-unit.ts';
import {
  type ServiceState,
  serviceCommand,
  serviceId,
  serviceResource,
  unitName,
} from '../../system/service/service-resource.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';
import { holdArchiver } from '../postgres/hold-archiver.ts';
import type { InstanceState } from '../postgres/instance.ts';
import { endProcessesOf, stopInstance } from '../postgres/instance-control.ts';
import { postgresResource } from '../postgres/instance-resource.ts';
import { programsOf } from '../postgres/sql.ts';
import type { MemberLogs } from './member-logs.ts';
import type { MemberChange } from './member-plan.ts';
import { askOwn, type PatroniAccess } from './rest.ts';
import { type LivingPatroni, livingPatroni, livingWords } from './service-process.ts';

interface Seen {
  readonly service: ServiceState;
  readonly instance: InstanceState;
}

/** What a stop looks at as well: a Patroni of this member that runs, whatever its manager says. */
interface SeenToStop extends Seen {
  readonly living: LivingPatroni | undefined;
}

export type MemberResult = { readonly service: ServiceState['state']; readonly postgres: boolean };

/** A change from an older journal knows the port alone. */
export function accessOf({ port, config, url }: MemberChange): PatroniAccess {
  return { port, config: config ?? '/etc/patroni/patroni.yml', ...(url === undefined ? {} : { url }) };
}

/** Where the logs of a member are. */
export function logsOf(change: MemberChange): MemberLogs {
  const { manager, service, pgdata } = change;
  return { ...accessOf(change), manager, service, pgdata };
}

/** Looks that may fail once on a host that starts or stops. */
const BUSY = ['service-manager-silent', ...BROKEN_OFF];

/** How often what comes up of a copy is ended, until it counts as not ending. */
const COPY_ROUNDS = 5;

const isServiceDown = ({ state, changing }: ServiceState): boolean =>
  state !== 'running' && changing === undefined;

/** Patroni may run in another unit than the one that was stopped: beside it, nothing of PostgreSQL stays down. */
const isDown = ({ service, living }: SeenToStop): boolean => isServiceDown(service) && living === undefined;

/**
 * Stops Patroni, by its manager and by its processes, and proves that no PostgreSQL is left on its data; an orphan (Patroni killed, or stopped in pause) is
 * shut down too, and a copy of the leader that Patroni has begun and left at work is ended: it goes by the path, and would
 * write into what is put there next. Does nothing to what is down already. Throws kind `failed` (`member-not-stopped`).
 */
export async function stopMember(
  host: WriteHost,
  change: MemberChange,
  context: Pick<WorkContext, 'runId' | 'signal' | 'progress' | 'warn'>,
): Promise<MemberResult> {
  const { signal } = context;
  if (change.leavesWal === true) await holdArchiver(host, change, signal);
  const command = serviceCommand(change.manager, change.service, 'stop');
  // Asked without a look beforehand: a service that is down says so, and each look costs the manager's start.
  const begun = performance.now();
  const asked = await host.run(command, { timeoutMs: change.timeoutMs, signal, ownChannel: true });
  const late = (last: SeenToStop): PitrError =>
    notStopped(host.name, change, last, asked, { runId: context.runId, waitedMs: performance.now() - begun });
  const seen = await until(() => lookToStop(host, change), {
    everyMs: 250,
    // One deadline for the command and for what it has begun.
    deadlineMs: Math.max(change.timeoutMs - (performance.now() - begun), 0),
    signal,
    done: isDown,
    passing: BUSY,
    late,
  });
  const { copies = [] } = seen.instance;
  if (copies.length > 0) {
    context.warn(
      `Patroni is down, but the copy of another server that it has begun still writes to ${change.pgdata}: it is ended now`,
    );
    await endCopies(host, change, copies, signal);
  }
  if (!seen.instance.running && copies.length === 0) return { service: seen.service.state, postgres: false };
  if (!seen.instance.running) return gone(host, change, late);
  context.warn(
    `Patroni is down, but its PostgreSQL still runs on ${change.pgdata}: it was left alone by Patroni, and is shut down now`,
  );
  const bin = programsOf({ pgdata: change.pgdata, bin: change.bin }, seen.instance.programs);
  await stopInstance(host, { ...change, bin }, 'fast', change.timeoutMs, signal);
  return gone(host, change, late);
}

/** A copy begins a second process for the WAL, which goes on without the first: so it is looked once more, a few times. */
async function endCopies(
  host: WriteHost,
  change: MemberChange,
  first: readonly number[],
  signal: AbortSignal,
): Promise<void> {
  let copies = first;
  for (let round = 0; copies.length > 0 && round < COPY_ROUNDS; round++) {
    await endProcessesOf(host, change.user, copies, signal);
    copies = (await look(host, change)).instance.copies ?? [];
  }
}

/** The proof that all is down. */
async function gone(
  host: WriteHost,
  change: MemberChange,
  late: (last: SeenToStop) => PitrError,
): Promise<MemberResult> {
  const last = await lookToStop(host, change);
  const { running, copies = [] } = last.instance;
  if (running || copies.length > 0 || !isDown(last)) throw late(last);
  return { service: last.service.state, postgres: false };
}

/**
 * Starts Patroni and waits until it answers. The manager's own word is not waited for: supervisor keeps it back for a second
 * (`startsecs`), in which nobody can write to a cluster that is cut over. Throws kind `failed` (`member-not-started`).
 */
export async function startMember(
  host: WriteHost,
  change: MemberChange,
  context: Pick<WorkContext, 'signal' | 'warn'>,
): Promise<MemberResult> {
  const { signal } = context;
  const begun = performance.now();
  let asked: RunResult | undefined;
  let hindered: unknown;
  // A service that is up says so, and stays up.
  void host
    .run(serviceCommand(change.manager, change.service, 'start'), {
      timeoutMs: change.timeoutMs,
      signal,
      ownChannel: true,
    })
    .then(
      (result) => {
        asked = result;
      },
      (thrown: unknown) => {
        hindered = thrown;
      },
    );
  const up = await until(
    async () => {
      if (hindered !== undefined) throw hindered;
      const answers = (await askOwn(host, accessOf(change), '/liveness')).code > 0;
      // A look costs the manager's start, and while it is at work itself there is nothing to see.
      return { answers, seen: answers || asked !== undefined ? await look(host, change) : undefined };
    },
    {
      everyMs: 100,
      deadlineMs: change.timeoutMs,
      signal,
      passing: BUSY,
      done: ({ answers, seen }) =>
        seen !== undefined &&
        ((answers && isComingUp(seen.service)) || isRefused(seen.service, answers, asked)),
      late: (last, waited) => notStarted(host.name, change, last, asked, waited),
    },
  );
  if (up.seen !== undefined && isRefused(up.seen.service, up.answers, asked))
    throw notStarted(host.name, change, up, asked, performance.now() - begun);
  const seen = up.seen ?? (await look(host, change));
  await belongToPatroni(host, change, seen, context);
  return { service: seen.service.state, postgres: seen.instance.running };
}

/**
 * The manager does not want to, and nothing is under way that could bring it up: no time helps. A start that it began and
 * that failed may be tried again by it (`Restart=`), which it tells as `changing`.
 */
function isRefused(service: ServiceState, answers: boolean, asked: RunResult | undefined): boolean {
  return !answers && asked !== undefined && !asked.timedOut && asked.exitCode !== 0 && isServiceDown(service);
}

function notStarted(
  host: string,
  { manager, service }: MemberChange,
  { answers, seen }: { readonly answers: boolean; readonly seen: Seen | undefined },
  asked: RunResult | undefined,
  waitedMs: number,
): PitrError {
  const masked = seen?.service.masked === true;
  return new PitrError({
    kind: 'failed',
    code: 'member-not-started',
    message: `Patroni is not up after ${Math.round(waitedMs / 1000)} s: ${seen?.service.detail ?? seen?.service.state ?? 'its manager is still at work'}, REST ${answers ? 'answers' : 'is silent'}`,
    details: masked
      ? [`Somebody has masked ${service}: ${manager} starts it for nobody until that is taken back.`]
      : [],
    host,
    ...(asked === undefined ? {} : { evidence: evidenceOf(asked) }),
    next: masked
      ? [`On ${host}: systemctl unmask ${unitName(service)}`, 'Then go on.']
      : ['Mend what the end of its logs says (above), then go on.'],
  });
}

const isComingUp = ({ state, changing }: ServiceState): boolean =>
  state === 'running' && changing !== 'stopping';

/** A PostgreSQL that was started by pitr and taken over is from now on as if Patroni had started it. */
async function belongToPatroni(
  host: WriteHost,
  change: MemberChange,
  { service, instance }: Seen,
  { warn }: Pick<WorkContext, 'warn'>,
): Promise<void> {
  if (change.manager !== 'systemd' || service.pid === undefined || instance.pid === undefined) return;
  const hindered = await joinService(host, service.pid, instance.pid);
  if (hindered === undefined) return;
  warn(
    `PostgreSQL serves in a unit of its own instead of ${change.service} until its next restart: ${hindered}`,
  );
}

async function look(host: WriteHost, change: MemberChange): Promise<Seen> {
  const [service, instance] = await Promise.all([
    serviceResource.read(host, serviceId(change.manager, change.service)),
    postgresResource.read(host, change.pgdata),
  ]);
  return { service, instance };
}

/** At the same time: a stop of the leader is an outage. */
async function lookToStop(host: WriteHost, change: MemberChange): Promise<SeenToStop> {
  const [seen, living] = await Promise.all([
    look(host, change),
    livingPatroni(host, accessOf(change).config),
  ]);
  return { ...seen, living };
}

function notStopped(
  host: string,
  change: MemberChange,
  { service, instance, living }: SeenToStop,
  asked: RunResult,
  { runId, waitedMs }: { readonly runId: string; readonly waitedMs: number },
): PitrError {
  const beside = living !== undefined && isServiceDown(service) ? living : undefined;
  const processes = [...(instance.processes ?? []), ...(instance.copies ?? [])].join(', ');
  return new PitrError({
    kind: 'failed',
    code: 'member-not-stopped',
    message: `the member is not down after ${Math.round(waitedMs / 1000)} s: Patroni is ${service.detail ?? service.state}, PostgreSQL ${instance.running ? 'runs' : 'does not run'} on ${change.pgdata}`,
    details: [
      ...(beside === undefined
        ? []
        : [
            `A Patroni of this member runs all the same: ${livingWords(beside)}. The service is not what runs it.`,
          ]),
      ...(processes === '' ? [] : [`postgres processes: ${processes}`]),
    ],
    host,
    evidence: evidenceOf(asked),
    state: 'No data was touched.',
    next: [
      ...(beside === undefined
        ? []
        : [
            `See what runs it, on ${host}: ${change.manager === 'systemd' ? "systemctl list-units 'patroni*'" : 'supervisorctl status'}`,
            'Set patroni_service in the inventory to that, and service_manager to what runs it.',
          ]),
      `Stop them by hand, then see how this run goes on, or is taken back: pitr runs ${runId}`,
    ],
  });
}
