import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { until } from '../../base/wait/until.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { isUp } from '../../recovery/patroni/cluster.ts';
import { patroniResource, readCluster, readNode } from '../../recovery/patroni/cluster-resource.ts';
import { clusterName, patronictl } from '../../recovery/patroni/control.ts';
import { memberName, patroniParams } from '../../recovery/patroni/params.ts';
import { seconds } from '../../recovery/postgres/params.ts';
import { evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  member: memberName.optional().describe("member whose PostgreSQL is restarted; the host's name by default"),
  only_if_pending: z
    .boolean()
    .default(false)
    .describe('only when Patroni says that a setting waits for a restart'),
  timeout: seconds.default(300).describe('seconds until PostgreSQL must be up again'),
  ...patroniParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: "Restarts a member's PostgreSQL through Patroni, and proves that a new postmaster is up.",
  examples: `- patroni.restart:
    only_if_pending: true`,
  params,
  returns: { member: 'its name', started: 'when its postmaster started' },
  read: async (host, p: Params) => {
    const member = p.member ?? host.name;
    const cluster = await host.look(patroniResource(p), p.cluster ?? '');
    const listed = cluster instanceof Unknown ? undefined : cluster.members[member];
    const node = listed === undefined ? undefined : await readNode(host, p, listed);
    return { host: host.name, member, cluster, node };
  },
  plan: ({ host, member, cluster, node }, p) => {
    const known = cluster instanceof Unknown ? undefined : cluster;
    if (known !== undefined && node === undefined) {
      throw new PitrError({
        kind: 'failed',
        code: 'member-silent',
        message: `the Patroni of ${member} does not answer: it cannot restart its PostgreSQL`,
        next: ['Start it first (patroni.member with state: running).'],
      });
    }
    if (p.only_if_pending && node?.pendingRestart === false) return undefined;
    return {
      summary: `restart the PostgreSQL of ${member}`,
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
    return { member: change.member, started: node?.postmasterStart };
  },
  // Nothing is different afterwards that could be put back.
  undo: async () => {},
});
