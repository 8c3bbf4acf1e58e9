import { z } from 'zod';
import { PitrError } from '../lib/base/errors/pitr-error.ts';
import type { LookRequest } from '../lib/engine/run/look.ts';
import { commandLine } from '../lib/transport/quote.ts';
import { siteWords } from './revert-command.ts';
import { patroniHosts } from './well-known-hosts.ts';

const clusterSchema = z.looseObject({
  leader: z.string().optional(),
  timeline: z.number().optional(),
  members: z.record(z.string(), z.looseObject({ role: z.string(), state: z.string() })),
});

export interface HealthyCluster {
  readonly leader: string;
  readonly timeline: number | undefined;
  readonly members: readonly string[];
}

/** Long enough for Patroni to look around once, short for a member that is ill. */
const STALL_SECONDS = 15;

/** What a proof is asked for. */
type HealthWish = Omit<LookRequest, 'hosts' | 'module' | 'params'> & {
  /** Hosts that need not answer. One that does is looked at like any other. */
  readonly leftOut: ReadonlySet<string>;
  /** The command that leaves out these hosts, too. */
  readonly without: (hosts: readonly string[]) => string;
};

/**
 * Proves that the cluster has a leader and that every other node of the inventory streams from it: timeline, system id,
 * and the leader's own pg_stat_replication. Throws kind `refused` (`cluster-not-healthy`) with every flaw.
 */
export async function proveHealthy(request: HealthWish): Promise<HealthyCluster> {
  const { lookOnce } = await import('../lib/engine/run/look.ts');
  const views = await lookOnce({ ...request, hosts: patroniHosts, module: 'patroni.cluster', params: {} });
  const answers = views.flatMap(({ host, result }) =>
    result === undefined ? [] : [{ host, cluster: clusterSchema.parse(result) }],
  );
  const silent = views.flatMap(({ host, error }) =>
    error === undefined || request.leftOut.has(host) ? [] : [{ host, error }],
  );
  const leaders = new Set(answers.map(({ cluster }) => cluster.leader));
  const leader = answers[0]?.cluster.leader;
  const seen = answers.some(({ host }) => host === leader);
  if (silent.length > 0 || leaders.size !== 1 || leader === undefined || !seen) {
    const flaws = [
      ...silent.map(({ host, error }) => `${host}: ${error.message}`),
      ...(leader !== undefined && !seen ? [`${leader}, which leads, was not looked at`] : []),
      ...answers.map(({ host, cluster }) => `${host} says that ${cluster.leader ?? 'nobody'} leads`),
    ];
    const gone = silent.map(({ host }) => host);
    throw notHealthy(
      request,
      flaws,
      undefined,
      gone.length > 0 ? [`Or leave out what is gone; what it keeps stays: ${request.without(gone)}`] : [],
    );
  }
  const replicas = answers.map(({ host }) => host).filter((host) => host !== leader);
  const streaming =
    replicas.length === 0
      ? []
      : await lookOnce({
          ...request,
          hosts: replicas.join(','),
          module: 'patroni.streaming',
          params: { stall: STALL_SECONDS },
        });
  const flaws = streaming.flatMap(({ host, error }) =>
    error === undefined ? [] : [`${host}: ${error.message}`],
  );
  if (flaws.length > 0) throw notHealthy(request, flaws, leader);
  return { leader, timeline: answers[0]?.cluster.timeline, members: answers.map(({ host }) => host) };
}

function notHealthy(
  { inventories, extraVars = {}, masker }: HealthWish,
  flaws: readonly string[],
  leader = '<leader>',
  ways: readonly string[] = [],
): PitrError {
  const site = siteWords(inventories, masker?.data(extraVars) ?? extraVars);
  return new PitrError({
    kind: 'refused',
    code: 'cluster-not-healthy',
    message: 'the cluster is not proved to be healthy, and the old data may be needed yet',
    details: flaws,
    state: 'nothing was removed',
    next: [
      `See it: ${commandLine(['pitr', 'status', ...site])}`,
      `Rebuild members that do not follow: ${commandLine(['pitr', 'play', 'rejoin.yml', ...site])} -e target=${leader}`,
      ...ways,
    ],
  });
}
