import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import type { WriteHost } from '../../contract/host.ts';
import { defineModule } from '../../contract/module.ts';
import { predicted } from '../../contract/resource.ts';
import {
  awaitStreaming,
  lookAtStreaming,
  type StreamingWait,
} from '../../recovery/patroni/await-streaming.ts';
import { nodeIn, patroniResource } from '../../recovery/patroni/cluster-resource.ts';
import { clusterName, type PatroniTarget, patronictl } from '../../recovery/patroni/control.ts';
import { findConfig } from '../../recovery/patroni/dynamic-config.ts';
import { readMemberConfig, replicaMethods } from '../../recovery/patroni/member-config.ts';
import { tellingLogs } from '../../recovery/patroni/member-logs.ts';
import { memberName, patroniParams, patroniServiceParams } from '../../recovery/patroni/params.ts';
import { askOwn } from '../../recovery/patroni/rest.ts';
import { streamingFlaws, streamingVerdict } from '../../recovery/patroni/streaming.ts';
import { patroniAbilities } from '../../recovery/patroni/version.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { programsOf } from '../../recovery/postgres/sql.ts';
import { commandFailed, evidenceOf } from '../../transport/command-failed.ts';

const params = z.strictObject({
  member: memberName.optional().describe("member to copy anew, on its own host; the host's name by default"),
  force: z
    .boolean()
    .default(false)
    .describe('copy it anew also when it is proved to stream, or when nobody can tell'),
  stall: seconds
    .default(90)
    .describe('seconds without any progress after which it has failed')
    .meta({ variable: 'streaming_stall' }),
  ...patroniParams,
  ...patroniServiceParams,
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineModule({
  summary: "Replaces a member's data by a copy of the leader's, and proves that it streams.",
  description:
    'Does nothing to a member that is proved to stream already (see patroni.streaming). Needs a running Patroni on the ' +
    'member. The data that is there is gone: moving it aside and starting Patroni does the same and keeps it. ' +
    'Since Patroni 4.1 it is copied from the leader whatever the configuration says (reinit --from-leader).',
  examples: `- patroni.reinit:
    member: db3`,
  params,
  returns: { member: 'its name', leader: 'that it streams from', timeline: 'of both' },
  read: async (host, p: Params) => {
    const cluster = await host.look(patroniResource(p), p.cluster ?? '');
    const instance = await host.look(postgresResource, p.pgdata);
    const member = p.member ?? host.name;
    const [config, local] = await Promise.all([findConfig(host, p), readMemberConfig(host, p.config)]);
    const methods = replicaMethods(local, config);
    if (cluster instanceof Unknown || instance instanceof Unknown || instance.processes === undefined) {
      return {
        host: host.name,
        member,
        cluster,
        methods,
        flaws: ['unknown until the run'],
        facts: undefined,
        bin: p.bin,
      };
    }
    const bin = programsOf(p, instance.programs ?? '/nowhere');
    const look = await lookAtStreaming(host, {
      access: p,
      runs: p,
      member,
      session: { pgdata: p.pgdata, user: p.user, bin },
    });
    return {
      host: host.name,
      member,
      cluster,
      methods,
      flaws: streamingFlaws(look.facts).map(({ words }) => words),
      facts: look.facts,
      bin,
    };
  },
  plan: ({ host, member, cluster, methods, flaws, facts, bin }, p) => {
    if (flaws.length === 0 && !p.force) return undefined;
    if (!p.force && facts !== undefined && streamingVerdict(streamingFlaws(facts)) === 'unknown') {
      throw new PitrError({
        kind: 'refused',
        code: 'streaming-unknown',
        message: `whether ${member} streams already cannot be told: ${flaws.join('; ')}`,
        next: [
          'Let those who are silent answer, or copy it anew whatever it does: patroni.reinit with force: true.',
        ],
      });
    }
    const known = cluster instanceof Unknown ? undefined : cluster;
    const fromLeader = patroniAbilities(facts?.own?.version).reinitFromLeader;
    // From there on Patroni passes over the other methods (create_replica of 4.1.5: clone_from_leader).
    if (!fromLeader && methods.join() !== 'basebackup') {
      throw new PitrError({
        kind: 'refused',
        code: 'other-replica-methods',
        message: `Patroni on ${host} would not copy the leader: its create_replica_methods are ${methods.join(', ')}`,
        details: ['What such a method restores may be what a recovery has taken away.'],
        next: [
          `rejoin.yml copies the leader itself there, and keeps the old data: pitr play rejoin.yml -e target=${known?.leader ?? 'LEADER'}`,
        ],
      });
    }
    if (known?.leader === member) {
      throw new PitrError({
        kind: 'refused',
        code: 'member-leads',
        message: `${member} is the leader: there is nobody to copy it from`,
        next: ['Hand leadership over first (patroni.failover).'],
      });
    }
    if (known !== undefined && known.leader === undefined) {
      throw new PitrError({
        kind: 'refused',
        code: 'no-leader',
        message: `the cluster has no leader to copy ${member} from`,
        next: ['patroni.leader waits for one and says why there is none.'],
      });
    }
    return {
      summary: `copy ${member} anew from ${known?.leader ?? 'the leader'}${flaws.length === 0 ? '' : ` (${flaws.join('; ')})`}`,
      member,
      cluster: known === undefined ? (p.cluster ?? '') : clusterName(known, p, host),
      port: p.port,
      ...(p.url === undefined ? {} : { url: p.url }),
      config: p.config,
      stallMs: p.stall * 1000,
      pgdata: p.pgdata,
      user: p.user,
      ...(bin === undefined ? {} : { bin }),
      ...(fromLeader ? { fromLeader } : {}),
      ...(facts?.own?.postmasterStart === undefined ? {} : { startedBefore: facts.own.postmasterStart }),
    };
  },
  predict: (change, { cluster }, p) => ({
    resources: [
      predicted(patroniResource(p), p.cluster ?? '', cluster),
      predicted(postgresResource, change.pgdata, {
        data: 'present',
        running: true,
        mode: 'open',
        role: 'recovering',
      }),
    ],
  }),
  apply: async (host, change, p, context) => {
    const source = change.fromLeader === true ? ['--from-leader'] : [];
    const words = ['reinit', change.cluster, change.member, '--force', ...source];
    const startedBefore = change.startedBefore ?? (await ownStart(host, change));
    const asked = await patronictl(host, change, words, 60_000, context.signal);
    if (asked.exitCode !== 0) throw commandFailed(asked, host.name);
    // patronictl ends well all the same.
    if (/^Failed: /m.test(asked.stdout)) {
      throw new PitrError({
        kind: 'failed',
        code: 'reinit-refused',
        message: `the Patroni of ${change.member} refuses to copy it anew`,
        host: host.name,
        evidence: { ...evidenceOf(asked), stderr: `${asked.stdout}${asked.stderr}`.trim().slice(-2000) },
        state: 'Its data is as it was.',
        next: [
          'Why stands above. Where something else is in progress there, let it end, then run this again.',
        ],
      });
    }
    const bin = programsOf({ ...p, bin: change.bin }, undefined);
    const question = {
      access: change,
      runs: p,
      member: change.member,
      session: { pgdata: change.pgdata, user: change.user, bin },
    };
    const wait: StreamingWait = {
      stallMs: change.stallMs,
      everyMs: 1_000,
      // Until Patroni acts, what is seen is the old data: it must not count as the proof.
      also: ({ own }) =>
        startedBefore !== undefined && own?.postmasterStart === startedBefore
          ? 'it has not been copied anew yet'
          : undefined,
    };
    const facts = await tellingLogs(host, p, () => awaitStreaming(host, question, wait, context));
    return { member: change.member, leader: facts.leader?.name, timeline: facts.own?.timeline };
  },
  undo: { impossible: "the member's data was replaced by a copy of the leader's" },
});

/** When the PostgreSQL of before was started, where Patroni did not say it earlier; nothing where none is up. */
async function ownStart(
  host: WriteHost,
  change: PatroniTarget & { readonly member: string },
): Promise<string | undefined> {
  const node = nodeIn(await askOwn(host, change, '/patroni'));
  if (node !== undefined) return node.postmasterStart;
  throw new PitrError({
    kind: 'failed',
    code: 'member-silent',
    message: `the Patroni of ${change.member} does not answer: it cannot copy it anew`,
    host: host.name,
    state: 'Nothing was asked of it; its data is as it was.',
    next: ['Start it first (patroni.member with state: running).'],
  });
}
