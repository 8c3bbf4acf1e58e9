import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { until } from '../../base/wait/until.ts';
import type { ReadHost } from '../../contract/host.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { isUp } from '../../recovery/patroni/cluster.ts';
import { patroniResource, readCluster, readNode } from '../../recovery/patroni/cluster-resource.ts';
import { clusterName, patronictl } from '../../recovery/patroni/control.ts';
import { memberName, patroniParams } from '../../recovery/patroni/params.ts';
import { SILENCE } from '../../recovery/patroni/rest.ts';
import { inForceSchema } from '../../recovery/postgres/in-force.ts';
import type { InstanceState } from '../../recovery/postgres/instance.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { lookInForce } from '../../recovery/postgres/look-in-force.ts';
import { absolutePath, instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  member: memberName.optional().describe("member whose PostgreSQL is restarted; the host's name by default"),
  only_if_pending: z
    .boolean()
    .default(false)
    .describe(
      'only when Patroni or PostgreSQL says that a setting waits for a restart, or when its limits differ from since',
    ),
  since: inForceSchema
    .optional()
    .describe(
      'what postgres.in_force gave of the leader before: limits that differ come from who has started PostgreSQL',
    ),
  pgdata: absolutePath
    .optional()
    .describe("its data directory, to ask PostgreSQL itself when the task runs on the member's own host")
    .meta({ variable: 'pgdata' }),
  bin: instanceParams.bin,
  user: instanceParams.user,
  timeout: seconds.default(300).describe('seconds until PostgreSQL must be up again'),
  ...patroniParams,
});

type Params = z.output<typeof params>;

/** As it was looked at, where a data directory is told. */
type Instance = InstanceState | Unknown | undefined;

export const module = defineModule({
  summary: "Restarts a member's PostgreSQL through Patroni, and proves that a new postmaster is up.",
  examples: `- patroni.restart:
    only_if_pending: true`,
  params,
  returns: {
    member: 'its name',
    started: 'when its postmaster started',
    why: 'what only a restart brings into force, in words',
  },
  read: async (host, p: Params) => {
    const member = p.member ?? host.name;
    const [cluster, instance] = await Promise.all([
      host.look(patroniResource(p), p.cluster ?? ''),
      p.pgdata === undefined ? undefined : host.look(postgresResource, p.pgdata),
    ]);
    const listed = cluster instanceof Unknown ? undefined : cluster.members[member];
    const [node, why] = await Promise.all([
      listed === undefined ? undefined : readNode(host, p, listed),
      member === host.name && p.only_if_pending ? whyRestart(host, p, instance) : [],
    ]);
    return { host: host.name, member, cluster, node, why, foreseen: isForeseen(instance) };
  },
  plan: ({ host, member, cluster, node, why, foreseen }, p) => {
    const known = cluster instanceof Unknown ? undefined : cluster;
    if (known !== undefined && node === undefined && !(p.only_if_pending && foreseen)) {
      throw new PitrError({
        kind: 'failed',
        code: 'member-silent',
        message: `the Patroni of ${member} does not answer: it cannot restart its PostgreSQL`,
        next: ['Start it first (patroni.member with state: running).'],
      });
    }
    if (p.only_if_pending && node?.pendingRestart !== true && why.length === 0) return undefined;
    return {
      summary: `restart the PostgreSQL of ${member}${why.length === 0 ? '' : ` (${why.join('; ')})`}`,
      why,
      member,
      cluster: known === undefined ? (p.cluster ?? '') : clusterName(known, p, host),
      port: p.port,
      ...(p.url === undefined ? {} : { url: p.url }),
      config: p.config,
      timeoutMs: p.timeout * 1000,
      ...(node?.postmasterStart === undefined ? {} : { startedBefore: node.postmasterStart }),
    };
  },
  predict: (_change, { cluster }, p) => ({
    resources: [predicted(patroniResource(p), p.cluster ?? '', cluster)],
  }),
  apply: async (host, change, _p, context) => {
    const words = ['restart', change.cluster, change.member, '--force'];
    const asked = await patronictl(host, change, words, change.timeoutMs, context.signal);
    const node = await until(
      async () => {
        const listed = (await readCluster(host, change)).members[change.member];
        return listed === undefined ? undefined : readNode(host, change, listed);
      },
      {
        everyMs: 500,
        deadlineMs: change.timeoutMs,
        signal: context.signal,
        passing: SILENCE,
        done: (seen) =>
          seen !== undefined &&
          isUp(seen.state) &&
          seen.postmasterStart !== undefined &&
          seen.postmasterStart !== change.startedBefore,
        late: (seen) =>
          new PitrError({
            kind: 'failed',
            code: 'not-restarted',
            message: `the PostgreSQL of ${change.member} was not restarted: its state is ${seen?.state ?? 'unknown'}`,
            details: [
              `postmaster started: ${seen?.postmasterStart ?? 'unknown'}, before: ${change.startedBefore ?? 'unknown'}`,
            ],
            host: host.name,
            evidence: evidenceOf(asked),
          }),
      },
    );
    return { member: change.member, started: node?.postmasterStart, why: change.why };
  },
  // Nothing is different afterwards that could be put back.
  undo: async () => {},
});

/** What Patroni does not see: the settings in PostgreSQL's files, and the limits that its start has given it. */
async function whyRestart(
  host: ReadHost,
  { pgdata, bin, user, since }: Params,
  instance: Instance,
): Promise<readonly string[]> {
  // In check mode it may be one that is not there yet.
  if (pgdata === undefined || instance === undefined || instance instanceof Unknown) return [];
  if (instance.pid === undefined) return [];
  return (await lookInForce(host, { pgdata, bin: bin ?? instance.programs, user }, since)).restart;
}

/** Whether PostgreSQL is up by a prediction alone: who is not started yet waits for nothing. */
function isForeseen(instance: Instance): boolean {
  if (instance === undefined) return false;
  return instance instanceof Unknown || (instance.running && instance.pid === undefined);
}
