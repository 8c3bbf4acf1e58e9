import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import { Unknown } from '../../base/values/unknown.ts';
import { defineLook } from '../../contract/module.ts';
import { awaitStreaming } from '../../recovery/patroni/await-streaming.ts';
import { tellingLogs } from '../../recovery/patroni/member-logs.ts';
import { memberName, patroniParams, patroniServiceParams } from '../../recovery/patroni/params.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, seconds } from '../../recovery/postgres/params.ts';
import { programsOf } from '../../recovery/postgres/sql.ts';

const params = z.strictObject({
  member: memberName.optional().describe("member to prove, on its own host; the host's name by default"),
  stall: seconds
    .default(90)
    .describe('seconds in which nothing changes, nothing is received or replayed, and nothing is written')
    .meta({ variable: 'streaming_stall' }),
  required: z
    .boolean()
    .default(true)
    .describe(
      'false: one that is seen not to stream, or to have other data, is told and is no failure; one that cannot be seen, or leads, is',
    ),
  interval: z.number().min(0.2).max(60).default(1).describe('seconds between two looks'),
  ...patroniParams,
  ...patroniServiceParams,
  ...instanceParams,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Waits until a member is proved to stream from the leader.',
  description:
    "The proof: timeline and system identifier are the leader's, pg_stat_replication on the leader says streaming for " +
    "that name (not a base backup), and the member's own receiver says so too. What Patroni's list shows is not " +
    'enough: a replica stuck on the old timeline shows as running, lag 0, for ever; such a member is named. A base ' +
    'backup may take as long as it takes. A member may get its WAL from another one (replicatefrom): the way is followed ' +
    'up to the leader. One that is told to follow by the archive (tag nostream) is proved by timeline, system identifier ' +
    'and data. The data is proved too: what the leader had written when the member was first seen to stream has ' +
    "been replayed; its WAL and the checkpoint that its control file goes back to are in the leader's WAL; the latest " +
    'transactions ended alike on both.',
  examples: `- patroni.streaming:
  register: streaming`,
  params,
  returns: {
    streaming: 'whether it is proved to stream; where required is false',
    flaws: 'what keeps it from being proved, in words',
    member: 'its name',
    leader: 'that it streams from',
    timeline: 'of both',
    system_id: 'of both, as text',
  },
  awaits: true,
  dependsOn: (p: Params) => [
    { kind: 'patroni', id: p.cluster ?? '' },
    { kind: 'postgres', id: p.pgdata },
  ],
  read: async (host, p, context) => {
    const instance = p.bin === undefined ? await host.look(postgresResource, p.pgdata) : undefined;
    const programs = instance instanceof Unknown ? undefined : instance?.programs;
    const question = {
      access: p,
      runs: p,
      member: p.member ?? host.name,
      session: { pgdata: p.pgdata, user: p.user, bin: programsOf(p, programs) },
    };
    const wait = { stallMs: p.stall * 1000, everyMs: p.interval * 1000 };
    try {
      const facts = await tellingLogs(host, p, () => awaitStreaming(host, question, wait, context));
      return {
        streaming: true,
        flaws: [],
        member: question.member,
        leader: facts.leader?.name,
        timeline: facts.leaderNode?.timeline,
        system_id: facts.own?.systemId,
      };
    } catch (thrown) {
      // Only what was seen is told: who cannot tell, or leads, is not taken for one that does not follow.
      const told = thrown instanceof PitrError && ['not-streaming', 'other-data'].includes(thrown.code);
      if (p.required || !told) throw thrown;
      return { streaming: false, flaws: [thrown.message, ...thrown.details], member: question.member };
    }
  },
});
