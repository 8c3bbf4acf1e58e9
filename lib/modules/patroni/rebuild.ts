import { z } from 'zod';
import { amid } from '../../base/errors/amid.ts';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { WriteHost } from '../../contract/host.ts';
import { defineModule, type TaskContext } from '../../contract/module.ts';
import { predicted, predictedChange } from '../../contract/resource.ts';
import { awaitStreaming } from '../../recovery/patroni/await-streaming.ts';
import { patroniResource, readCluster } from '../../recovery/patroni/cluster-resource.ts';
import { linkedPlaces } from '../../recovery/patroni/copy-look.ts';
import { findConfig } from '../../recovery/patroni/dynamic-config.ts';
import { withMember } from '../../recovery/patroni/foresee.ts';
import { mayStopMember } from '../../recovery/patroni/may-undo.ts';
import { readMemberConfig, replicaMethods } from '../../recovery/patroni/member-config.ts';
import { accessOf, startMember, stopMember } from '../../recovery/patroni/member-control.ts';
import { tellingLogs } from '../../recovery/patroni/member-logs.ts';
import { type MemberChange, planMember } from '../../recovery/patroni/member-plan.ts';
import { patroniParams, patroniServiceParams } from '../../recovery/patroni/params.ts';
import { refusePrimary } from '../../recovery/patroni/refuse-primary.ts';
import { copyFromLeader } from '../../recovery/patroni/replica-copy.ts';
import { stopUnproved } from '../../recovery/patroni/stop-unproved.ts';
import { breaksOff } from '../../recovery/patroni/streaming-failures.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { putAside } from '../../recovery/postgres/put-aside.ts';
import { programsOf } from '../../recovery/postgres/sql.ts';
import { serviceId, serviceResource } from '../../system/service/service-resource.ts';
import { commandLine } from '../../transport/quote.ts';

const params = z.strictObject({
  ...patroniServiceParams,
  timeout: seconds
    .default(180)
    .describe('seconds until Patroni must answer, and until it must be down again'),
  stall: seconds
    .default(90)
    .describe('seconds without any progress after which the copy has failed')
    .meta({ variable: 'streaming_stall' }),
  ...patroniParams,
  ...instanceParams,
});

type Params = z.output<typeof params>;

interface RebuildChange extends MemberChange {
  /** `pitr`: pg_basebackup from the leader, because Patroni would do it in another way here. */
  readonly copiedBy: 'patroni' | 'pitr';
  readonly stallMs: number;
}

export const module = defineModule({
  summary: 'Makes a stopped member without data a replica of the leader, and proves that it is one.',
  description:
    'Patroni copies the leader when it is started on an empty data directory. Where it is configured to do that in ' +
    'another way than by a base backup of the leader (create_replica_methods: a restore from an archive can bring back ' +
    'what a recovery has just taken away), pitr makes the base backup itself, with the login and the options that ' +
    'Patroni would use, before it starts Patroni. A member that was seen not to stream, or to hold other data (see ' +
    'patroni.streaming), does not serve: Patroni is stopped there, and what it had as data is put aside. One of which that ' +
    'cannot be told, into whose data a copy is at work, whose PostgreSQL replays still, or whose leader is away, stays as it is.',
  examples: `- fs.move: { src: "{{ pgdata }}", dest: "{{ pgdata }}.old" }
- patroni.rebuild: {}`,
  params,
  returns: {
    copied_by: 'patroni or pitr',
    member: 'its name',
    leader: 'that it streams from',
    timeline: 'of both',
  },
  read: async (host, p: Params) => {
    const [service, instance] = await Promise.all([
      host.look(serviceResource, serviceId(p.manager, p.service)),
      host.look(postgresResource, p.pgdata),
    ]);
    const [config, local] = await Promise.all([findConfig(host, p), readMemberConfig(host, p.config)]);
    return { member: host.name, service, instance, methods: replicaMethods(local, config) };
  },
  plan: ({ service, instance, methods }, p): RebuildChange | undefined => {
    const change = planMember({ service, instance }, { ...p, state: 'running' });
    if (change === undefined) return undefined;
    const own =
      methods.join() !== 'basebackup' && !(instance instanceof Unknown) && instance.data === 'absent';
    return {
      ...change,
      summary: own
        ? `copy the leader's data (Patroni would use ${methods.join(', ')}), start Patroni, and prove that it streams`
        : `start Patroni${!(instance instanceof Unknown) && instance.data === 'present' ? ' on the data that is there' : ', which copies the leader'}, and prove that it streams`,
      copiedBy: own ? 'pitr' : 'patroni',
      stallMs: p.stall * 1000,
    };
  },
  effects: ({ pgdata }) => [
    {
      kind: postgresResource.kind,
      id: pgdata,
      state: "Patroni's",
      lasts: 'for good',
      supersedes: true,
      cluster: 'joins',
    },
  ],
  orphans: 'end',
  predict: (change, { member }, p) => ({
    resources: [
      predicted(serviceResource, serviceId(change.manager, change.service), { state: 'running' }),
      predicted(postgresResource, change.pgdata, {
        data: 'present',
        running: true,
        mode: 'open',
        role: 'recovering',
      }),
      predictedChange(patroniResource(p), p.cluster ?? '', (cluster) => withMember(cluster, member, false)),
    ],
    result: { copied_by: change.copiedBy },
  }),
  apply: async (host, change, p, context) => {
    const bin = programsOf(
      { pgdata: change.pgdata, bin: p.bin ?? change.bin },
      p.bin ?? (await programsBeside(host, change)),
    );
    if (change.copiedBy === 'pitr') {
      const { leader, members } = await readCluster(host, { ...p, ...accessOf(change) });
      const listed = leader === undefined ? undefined : members[leader];
      if (listed === undefined) throw noLeader(host.name);
      await copyFromLeader(host, { ...change, bin, config: p.config }, listed, context);
    }
    await startMember(host, change, context);
    const question = {
      access: p,
      runs: change,
      member: host.name,
      session: { pgdata: change.pgdata, user: change.user, bin },
    };
    try {
      const wait = { stallMs: change.stallMs, everyMs: 500, mayStart: true };
      const facts = await tellingLogs(host, p, () => awaitStreaming(host, question, wait, context));
      return {
        copied_by: change.copiedBy,
        member: question.member,
        leader: facts.leader?.name,
        timeline: facts.leaderNode?.timeline,
      };
    } catch (thrown) {
      if (!(thrown instanceof PitrError) || thrown.kind !== 'failed' || context.signal.aborted) throw thrown;
      // Patroni has promoted it since: clients write to it.
      if (thrown.code === 'member-leads') throw thrown;
      if (!SPEAKS_AGAINST.has(thrown.code)) throw leftInService(host.name, thrown, context.runId);
      const isAtCopy = thrown.code === 'not-streaming' && !breaksOff(thrown);
      const copies = isAtCopy ? await copiesInto(host, change.pgdata) : [];
      throw copies.length > 0
        ? leftToCopy(host.name, change.pgdata, copies, thrown, context.runId)
        : await outOfService(host, change, thrown, context);
    }
  },
  undo: async (host, change, context) => {
    await refusePrimary(host, change, context);
    await stopMember(host, change, context);
  },
  mayUndo: (host, change, context, newer) => mayStopMember(host, change, context, newer),
});

/** Where there is no data yet, its version cannot tell: the programs are those that the node has. */
async function programsBeside(host: WriteHost, { pgdata }: RebuildChange): Promise<string | undefined> {
  return (await postgresResource.read(host, pgdata)).programs;
}

/** What was seen of the member itself. All else that keeps it from being proved may pass, and costs it no copy. */
const SPEAKS_AGAINST: ReadonlySet<string> = new Set(['not-streaming', 'other-data']);

/** A leader that is away for a moment, or silence, is no reason to take a member that may be healthy, and its copy. */
function leftInService(host: string, unproved: PitrError, runId: string): PitrError {
  const { code, message, details, next } = unproved;
  return new PitrError({
    kind: 'failed',
    code,
    message,
    details,
    host,
    cause: unproved,
    state: `Patroni was left running on ${host}, with the data that it has: nothing that was seen speaks against them. The old data that was kept is untouched.`,
    next: [...(next ?? []), `Then go on, which proves it again: pitr resume ${runId}`],
  });
}

/** The processes that copy into a directory in which no server works yet. None where that cannot be told. */
async function copiesInto(host: WriteHost, pgdata: string): Promise<readonly number[]> {
  try {
    const { running, copies = [] } = await postgresResource.read(host, pgdata);
    return running ? [] : copies;
  } catch (thrown) {
    // Stopping the member looks at the same, and says what it could not see.
    if (!(thrown instanceof PitrError)) throw thrown;
    return [];
  }
}

/** While it is copied a member serves nobody, and may not be elected: what may be hours of copy is not thrown away. */
function leftToCopy(
  host: string,
  pgdata: string,
  copies: readonly number[],
  unproved: PitrError,
  runId: string,
): PitrError {
  return new PitrError({
    kind: 'failed',
    code: unproved.code,
    message: unproved.message,
    details: unproved.details,
    host,
    cause: unproved,
    state: `Patroni was left running on ${host}: a copy into ${pgdata} is at work (process ${copies.join(', ')}), and nobody is served from it. The old data that was kept is untouched.`,
    next: [
      `See whether ${pgdata} still grows on ${host}. Where it does not, Patroni's log says why; end that process, and Patroni begins the copy anew.`,
      `Then go on, which waits for it: pitr resume ${runId}`,
    ],
  });
}

/** A copy that is proved to be none gives wrong answers, and may be elected: it does not serve a moment longer. */
async function outOfService(
  host: WriteHost,
  change: RebuildChange,
  unproved: PitrError,
  context: TaskContext,
): Promise<PitrError> {
  await stopUnproved(host, change, unproved, context);
  const place = `${change.pgdata}.unproved.${context.runId}`;
  const aside = await putAside(host, change.pgdata, place).catch((thrown: unknown) => {
    throw amid(thrown, `Patroni was stopped on ${host.name}; what was copied lies in ${change.pgdata}.`);
  });
  // The next copy has them at the same places, and finds them full.
  const tablespaces = aside === undefined ? [] : await linkedPlaces(host, { ...change, pgdata: aside });
  const copied = [...(aside === undefined ? [] : [aside]), ...tablespaces].join(', ');
  return new PitrError({
    kind: 'failed',
    code: unproved.code,
    message: unproved.message,
    details: unproved.details,
    host: host.name,
    cause: unproved,
    state: `Patroni was stopped on ${host.name}: it does not serve. ${aside === undefined ? `Nothing lies in ${change.pgdata}` : `What was copied is in ${copied}`}; the old data that was kept is untouched.`,
    next: [
      ...tablespaces.map((place) =>
        emptied(host.name, place, `${place}.unproved.${context.runId}`, change.user),
      ),
      `Look into Patroni's log on ${host.name}, mend what it names, then go on: pitr resume ${context.runId}`,
      ...(aside === undefined
        ? []
        : [`${aside} is of no use once ${host.name} streams again: remove it by hand.`]),
    ],
  });
}

function emptied(host: string, place: string, aside: string, user: string): string {
  const commands = [
    ['mv', place, aside],
    ['install', '-d', '-o', user, '-m', '0700', place],
  ];
  return `The next copy needs ${place} empty. On ${host}, as root: ${commands.map(commandLine).join(' && ')}`;
}

function noLeader(host: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'no-leader',
    message: `the cluster has no leader to copy ${host} from`,
    host,
    next: ['patroni.leader waits for one and says why there is none.'],
  });
}
