import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { lastSeen, until } from '../../base/wait/until.ts';
import type { ReadHost, WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted, predictedChange } from '../../contract/resource.ts';
import { BROKEN_OFF } from '../../contract/script-report.ts';
import { awaitStreaming } from '../../recovery/patroni/await-streaming.ts';
import { isUp } from '../../recovery/patroni/cluster.ts';
import { nodeIn, patroniResource, readCluster } from '../../recovery/patroni/cluster-resource.ts';
import { keepsDataAt } from '../../recovery/patroni/data-directory.ts';
import { withMember, withoutMember } from '../../recovery/patroni/foresee.ts';
import { mayStartMember, mayStopMember } from '../../recovery/patroni/may-undo.ts';
import {
  accessOf,
  logsOf,
  type MemberResult,
  startMember,
  stopMember,
} from '../../recovery/patroni/member-control.ts';
import { tellingLogs } from '../../recovery/patroni/member-logs.ts';
import { type MemberChange, planMember } from '../../recovery/patroni/member-plan.ts';
import { patroniParams, patroniServiceParams } from '../../recovery/patroni/params.ts';
import { refuseLeaderless } from '../../recovery/patroni/refuse-leaderless.ts';
import { refusePaused } from '../../recovery/patroni/refuse-paused.ts';
import { refusePrimary } from '../../recovery/patroni/refuse-primary.ts';
import { askOwn, SILENCE } from '../../recovery/patroni/rest.ts';
import { stopUnproved } from '../../recovery/patroni/stop-unproved.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { programsOf } from '../../recovery/postgres/sql.ts';
import { pathResource } from '../../system/fs/path-resource.ts';
import { absolutePath } from '../../system/fs/paths.ts';
import { serviceId, serviceResource } from '../../system/service/service-resource.ts';

const params = z.strictObject({
  state: z
    .enum(['stopped', 'out', 'running'])
    .describe(
      'stopped: Patroni and PostgreSQL are down, proved; out: Patroni is down, and a PostgreSQL that pitr has started may run; running: Patroni is up',
    ),
  out_while: absolutePath
    .optional()
    .describe(
      'stopped: a file that lies there as long as the member is meant to be out. An undo then stops a Patroni that was started meanwhile before it takes anything else back',
    ),
  leave_wal: z
    .boolean()
    .default(false)
    .describe(
      'stopped: a leader archives nothing more while it stops, so that it stops sooner; postgres.archive_tail archives what it leaves',
    ),
  ...patroniServiceParams,
  timeout: seconds
    .default(180)
    .describe('seconds until it must be so; a leader archives its last segment while it stops'),
  ...patroniParams,
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Takes a member out of the cluster, with its PostgreSQL, or lets it back in.',
  description:
    'stopped is proved: the service is down and no postgres process works in the data directory. Killing Patroni, or ' +
    'stopping it while the cluster is paused, leaves PostgreSQL running; such an orphan is shut down too. running waits ' +
    'until Patroni answers, not for the copy that a member with an empty directory takes: that is patroni.streaming.',
  examples: `- patroni.member:
    state: stopped
- patroni.member:
    state: running`,
  params,
  returns: { service: 'state of the service', postgres: 'whether a PostgreSQL runs on the data directory' },
  read: async (host, p: Params) => {
    const [service, instance] = await Promise.all([
      host.look(serviceResource, serviceId(p.manager, p.service)),
      host.look(postgresResource, p.pgdata),
    ]);
    const bare =
      !(service instanceof Unknown) &&
      service.state === 'running' &&
      !(instance instanceof Unknown) &&
      !instance.running;
    return {
      member: host.name,
      service,
      instance,
      servesElsewhere: bare && (await servesSomewhere(host, p)),
    };
  },
  plan: (state, p) => planMember(state, p),
  unchanged: ({ service, instance }) =>
    service instanceof Unknown || instance instanceof Unknown
      ? {}
      : { service: service.state, postgres: instance.running },
  effects: ({ pgdata, state, led }) => [
    {
      kind: postgresResource.kind,
      id: pgdata,
      state: state === 'running' ? "Patroni's" : 'stopped',
      lasts: 'for good',
      supersedes: true,
      cluster: state === 'running' ? 'joins' : led === true ? 'leaves as leader' : 'leaves',
    },
  ],
  predict: (change, { member, instance }, p) => {
    const before = instance instanceof Unknown ? undefined : instance;
    const running = change.state === 'running';
    return {
      resources: [
        predicted(serviceResource, serviceId(change.manager, change.service), { state: change.state }),
        predicted(postgresResource, change.pgdata, {
          data: 'present',
          running,
          mode: before?.mode === 'closed' ? 'closed' : 'open',
          ...(running && before?.role !== undefined ? { role: before.role } : {}),
        }),
        predictedChange(patroniResource(p), p.cluster ?? '', (cluster) =>
          running ? withMember(cluster, member, before?.role === 'primary') : withoutMember(cluster, member),
        ),
      ],
      result: { service: change.state, ...(running ? {} : { postgres: false }) },
    };
  },
  apply: async (host, change, _p, context) =>
    change.state === 'stopped' ? stopMember(host, change, context) : started(host, change, context),
  undo: async (host, change, context) => {
    if (change.state === 'running') {
      await refusePrimary(host, change, context);
      await stopMember(host, change, context);
      return;
    }
    await refusePaused(host, change);
    await refuseLeaderless(host, change, context);
    await started(host, change, context);
    await tellingLogs(host, logsOf(change), async () => {
      if (change.ranBefore) await postgresIsUp(host, change.pgdata, change.timeoutMs, context);
      await streamsAgain(host, change, context);
    });
  },
  mayUndo: (host, change, context, newer) =>
    (change.state === 'running' ? mayStopMember : mayStartMember)(host, change, context, newer),
  again: (host, change, context) => stopAgain(host, change, context),
});

function started(host: WriteHost, change: MemberChange, context: WorkContext): Promise<MemberResult> {
  return tellingLogs(host, logsOf(change), () => startMember(host, change, context));
}

/**
 * Stops what was started while the member was meant to be out (its host was started again, somebody was in a hurry).
 * Only what is known to be no primary is stopped: the recovery has been cut over, or the cluster has come to depend on
 * it.
 */
async function stopAgain(host: WriteHost, change: MemberChange, context: WorkContext): Promise<void> {
  if (change.state !== 'stopped' || change.outWhile === undefined) return;
  const [note, service, instance] = await Promise.all([
    pathResource.read(host, change.outWhile),
    serviceResource.read(host, serviceId(change.manager, change.service)),
    postgresResource.read(host, change.pgdata),
  ]);
  if (note.kind === 'absent') return;
  const serves = instance.running && instance.mode !== 'isolated';
  if (serves && instance.role !== 'recovering') return;
  const down = service.state !== 'running' && service.changing === undefined;
  if (down && !serves && instance.copies === undefined) return;
  context.warn(`Patroni was started on ${host.name} while it was meant to be out: it is stopped again`);
  await stopMember(host, change, context);
}

/**
 * Whether the node's own Patroni has its PostgreSQL in another directory. One that is silent (it still starts, it hangs,
 * curl is missing) is not taken for one that serves nobody: its configuration says where its data lies.
 */
async function servesSomewhere(host: ReadHost, p: Params): Promise<boolean> {
  const answer = await askOwn(host, p, '/patroni');
  const node = nodeIn(answer);
  // Something else may have answered: that is none of Patroni's words either.
  if (answer.code === 0 || (node === undefined && answer.body !== ''))
    return !(await keepsDataAt(host, p.config, p.pgdata));
  if (node === undefined || !isUp(node.state)) return false;
  // It may have come up between the two looks.
  return !(await postgresResource.read(host, p.pgdata)).running;
}

const STALL_MS = 90_000;

/** A replica that was stopped is back when it is proved to stream, unless there is nobody else to stream from. */
async function streamsAgain(host: WriteHost, change: MemberChange, context: WorkContext): Promise<void> {
  if (change.replicaOf === undefined) return;
  const access = { ...accessOf(change), ...change.replicaOf };
  const { leader } = await lastSeen(() => readCluster(host, access), {
    everyMs: 500,
    deadlineMs: change.timeoutMs,
    signal: context.signal,
    passing: SILENCE,
    done: () => true,
  });
  if (leader === undefined) {
    context.warn(`Patroni runs again; the cluster has no leader, so ${host.name} streams from nobody`);
    return;
  }
  if (leader === host.name) return;
  const instance = await postgresResource.read(host, change.pgdata);
  const session = {
    pgdata: change.pgdata,
    user: change.user,
    bin: programsOf({ pgdata: change.pgdata, bin: change.bin }, instance.programs),
  };
  try {
    const wait = { stallMs: STALL_MS, everyMs: 500, untold: 'warn' as const };
    await awaitStreaming(host, { access, runs: change, member: host.name, session }, wait, context);
  } catch (thrown) {
    if (!(thrown instanceof PitrError) || thrown.code !== 'other-data') throw thrown;
    await stopUnproved(host, change, thrown, context);
    throw new PitrError({
      ...thrown,
      message: thrown.message,
      state: `Patroni was stopped again on ${host.name}: it does not serve.`,
    });
  }
}

/** Taking a stop back means that the member serves again, not only that its service is up. */
async function postgresIsUp(
  host: WriteHost,
  pgdata: string,
  deadlineMs: number,
  context: Pick<WorkContext, 'signal'>,
): Promise<void> {
  await until(() => postgresResource.read(host, pgdata), {
    everyMs: 500,
    deadlineMs,
    signal: context.signal,
    done: (seen) => seen.status === 'ready' || seen.status === 'standby',
    passing: BROKEN_OFF,
    late: (seen) =>
      new PitrError({
        kind: 'failed',
        code: 'postgres-not-up',
        message: `Patroni runs again, but its PostgreSQL on ${pgdata} is not up (${seen.running ? (seen.status ?? 'starting') : 'no process'})`,
        host: host.name,
        next: ['Mend what the end of its logs says (above), then go on.'],
      }),
  });
}
