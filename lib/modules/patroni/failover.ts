import { z } from 'zod';
import { didYouMean } from '../../base/errors/nearest.ts';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { until } from '../../base/wait/until.ts';
import type { WriteHost } from '../../contract/host.ts';
import type { WorkContext } from '../../contract/module.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import { isUp, leads } from '../../recovery/patroni/cluster.ts';
import {
  type ClusterState,
  patroniResource,
  readCluster,
  readNode,
} from '../../recovery/patroni/cluster-resource.ts';
import { clusterName, type PatroniTarget, patronictl } from '../../recovery/patroni/control.ts';
import type { NodeView } from '../../recovery/patroni/node.ts';
import { memberName, patroniParams } from '../../recovery/patroni/params.ts';
import { SILENCE } from '../../recovery/patroni/rest.ts';
import { seconds } from '../../recovery/postgres/params.ts';
import { evidenceOf } from '../../transport/command-failed.ts';
import type { RunResult } from '../../transport/types.ts';

const params = z.strictObject({
  candidate: memberName.describe('member that shall lead'),
  timeout: seconds
    .default(60)
    .describe('seconds until it must lead')
    .meta({ variable: 'leadership_timeout' }),
  ...patroniParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: 'Hands the leadership of the Patroni cluster to a member, and proves that it leads.',
  description:
    'patronictl exits 0 for a failover that failed ("Failover failed, details: 503"), so only the cluster itself is ' +
    'believed: the DCS names the candidate and its own node says that it leads.',
  examples: `- patroni.failover:
    candidate: db2
  run_once: true`,
  params,
  returns: {
    leader: 'who leads now',
    previous: 'who led before; absent when nobody did',
    timeline: 'of the leader',
  },
  read: async (host, p: Params) => ({
    host: host.name,
    cluster: await host.look(patroniResource(p), p.cluster ?? ''),
  }),
  plan: ({ host, cluster }, p) => {
    const known = cluster instanceof Unknown ? undefined : cluster;
    if (known?.leader === p.candidate) return undefined;
    if (known !== undefined) refuseUnfit(known, p.candidate);
    return {
      summary: `hand leadership${known?.leader === undefined ? '' : ` from ${known.leader}`} to ${p.candidate}`,
      candidate: p.candidate,
      ...(known?.leader === undefined ? {} : { previous: known.leader }),
      cluster: known === undefined ? (p.cluster ?? '') : clusterName(known, p, host),
      port: p.port,
      ...(p.url === undefined ? {} : { url: p.url }),
      config: p.config,
      timeoutMs: p.timeout * 1000,
    };
  },
  unchanged: ({ cluster }) =>
    cluster instanceof Unknown ? {} : { leader: cluster.leader, timeline: cluster.timeline },
  predict: (change, { cluster }, p) => ({
    resources: [
      predicted(
        patroniResource(p),
        p.cluster ?? '',
        cluster instanceof Unknown ? cluster : { ...cluster, leader: change.candidate },
      ),
    ],
    result: { leader: change.candidate },
  }),
  apply: async (host, change, _p, context) => {
    const cluster = await handOver(host, change, change.candidate, context);
    return {
      leader: change.candidate,
      ...(change.previous === undefined ? {} : { previous: change.previous }),
      timeline: cluster.timeline,
    };
  },
  undo: async (host, change, context) => {
    if (change.previous === undefined) return;
    const { leader } = await readCluster(host, change);
    if (leader !== change.previous) await handOver(host, change, change.previous, context);
  },
});

function refuseUnfit(cluster: ClusterState, candidate: string): void {
  const member = cluster.members[candidate];
  const names = Object.keys(cluster.members);
  if (member === undefined) {
    throw new PitrError({
      kind: 'refused',
      code: 'member-unknown',
      message: `the cluster has no member "${candidate}"${didYouMean(candidate, names)}`,
      details: [`It has: ${names.join(', ')}.`],
      next: ['Name one of them as candidate; pitr status lists the members.'],
    });
  }
  if (!isUp(member.state)) {
    throw new PitrError({
      kind: 'refused',
      code: 'member-not-running',
      message: `${candidate} cannot lead: its state is ${member.state}`,
      next: ['Start it first (patroni.member with state: running).'],
    });
  }
}

type HandOver = PatroniTarget & { readonly cluster: string; readonly timeoutMs: number };

async function handOver(
  host: WriteHost,
  target: HandOver,
  candidate: string,
  context: Pick<WorkContext, 'signal'>,
): Promise<ClusterState> {
  await readiness(host, target, candidate, context);
  const words = ['failover', target.cluster, '--candidate', candidate, '--force'];
  const asked = await patronictl(host, target, words, target.timeoutMs, context.signal);
  const { cluster } = await until(() => lookAt(host, target, candidate), {
    everyMs: 500,
    // A refused failover is known at once, if only by its words; the rest is waiting for Patroni's next turn.
    deadlineMs: target.timeoutMs,
    signal: context.signal,
    passing: SILENCE,
    done: ({ cluster: seen, node }) => {
      const member = seen.members[candidate];
      const listed =
        seen.leader === candidate && member !== undefined && leads(member.role) && isUp(member.state);
      return listed && node !== undefined && leads(node.role);
    },
    late: ({ cluster: seen, node }) => failed(host.name, candidate, seen, asked, node),
  });
  return cluster;
}

/** The cluster's word, and that of the candidate's own node once the cluster names it: the list may be ahead of it. */
async function lookAt(
  host: WriteHost,
  target: HandOver,
  candidate: string,
): Promise<{ readonly cluster: ClusterState; readonly node: NodeView | undefined }> {
  const cluster = await readCluster(host, target);
  const member = cluster.members[candidate];
  const asked = cluster.leader === candidate && member !== undefined;
  return { cluster, node: asked ? await readNode(host, target, member) : undefined };
}

/** A member that has just been the leader, or is starting, is no candidate yet: waits until it follows the leader. */
async function readiness(
  host: WriteHost,
  target: HandOver,
  candidate: string,
  context: Pick<WorkContext, 'signal'>,
): Promise<void> {
  await until(() => readCluster(host, target), {
    everyMs: 500,
    deadlineMs: target.timeoutMs,
    signal: context.signal,
    passing: SILENCE,
    done: (seen) => {
      const member = seen.members[candidate];
      return (
        member !== undefined &&
        isUp(member.state) &&
        (seen.leader === undefined || member.timeline === seen.timeline)
      );
    },
    late: (seen) =>
      new PitrError({
        kind: 'failed',
        code: 'member-not-fit',
        message: `${candidate} does not follow the leader, so it cannot take over`,
        details: situation(seen),
        host: host.name,
        next: ['Bring it back first: patroni.streaming says what is wrong, patroni.reinit copies it anew.'],
      }),
  });
}

function situation(seen: ClusterState): readonly string[] {
  return Object.values(seen.members).map(
    ({ name, role, state, timeline, lagBytes }) =>
      `${name}: ${role}, ${state}, timeline ${timeline ?? 'unknown'}${lagBytes === undefined ? '' : `, lag ${lagBytes} bytes`}`,
  );
}

function failed(
  host: string,
  candidate: string,
  seen: ClusterState,
  asked: RunResult,
  node: NodeView | undefined,
): PitrError {
  const { leader } = seen;
  const own = node === undefined ? 'does not answer' : `says that it is a ${node.role}`;
  const who =
    leader === undefined
      ? 'nobody leads'
      : leader === candidate
        ? `the cluster names it, and its own REST API ${own}`
        : `${leader} leads`;
  return new PitrError({
    kind: 'failed',
    code: 'failover-failed',
    message: `${candidate} is not proved to be the leader: ${who}`,
    details: situation(seen),
    host,
    evidence: { ...evidenceOf(asked), stderr: `${asked.stdout}${asked.stderr}`.trim().slice(-2000) },
    next: ['What patronictl said stands above; a member that lags behind the last leader is not accepted.'],
  });
}
