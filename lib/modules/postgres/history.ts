import { z } from 'zod';
import { PitrError } from '../../base/errors/pitr-error.ts';
import type { ReadHost } from '../../contract/host.ts';
import { known } from '../../contract/known.ts';
import { defineLook } from '../../contract/module.ts';
import { probeScript } from '../../contract/probe.ts';
import { postgresResource } from '../../recovery/postgres/instance-resource.ts';
import { instanceParams, sessionParams } from '../../recovery/postgres/params.ts';
import { writingTimeline } from '../../recovery/postgres/writing-timeline.ts';
import { pastPromotions, pastPromotionsSchema, whyNotOnwards } from '../../recovery/wal/past-promotions.ts';
import {
  historyFileName,
  readHistory,
  type TimelineHistory,
  timelineId,
} from '../../recovery/wal/timeline.ts';

const params = z.strictObject({
  since: pastPromotionsSchema
    .optional()
    .describe('what this module gave before: whether the data goes on from there is told'),
  ...instanceParams,
  ...sessionParams,
});

type Params = z.output<typeof params>;

const READ = probeScript(`exec cat -- "$1"`);

export const module = defineLook({
  summary: 'Tells which history data has, and whether it goes on from what was looked at before.',
  description:
    'By the system identifier and by the positions at which each of its timelines was left, from the history file in ' +
    'pg_wal; a primary that runs is asked for its timeline. A node that was copied from another member, bootstrapped anew ' +
    'or rewound has another history, whatever number its timeline has.',
  examples: `- postgres.history: {}
  register: promoted_history
- postgres.history: { since: "{{ promoted_history }}" }
  register: now   # now.goes_on, now.why`,
  params,
  returns: {
    system_id: 'database system identifier, as text',
    timeline: 'that it is on',
    ancestors: 'the timelines before it, the oldest first, and where each was left (`until`)',
    goes_on: 'whether it goes on from since; true without that',
    why: 'why it does not, in words; empty where it does',
  },
  dependsOn: (p: Params) => [
    { kind: 'postgres', id: p.pgdata },
    { kind: 'path', id: p.pgdata },
  ],
  read: async (host, p) => {
    const instance = known(await host.look(postgresResource, p.pgdata));
    const timeline = await writingTimeline(host, instance, p);
    if (instance.control === undefined || timeline === undefined)
      throw historyUnknown(
        host.name,
        p.pgdata,
        instance.data === 'absent' ? 'there is no data' : 'its control file cannot be read',
      );
    const now = pastPromotions(instance.control.systemId, timeline, await historyOf(host, p, timeline));
    const why = p.since === undefined ? undefined : whyNotOnwards(now, p.since);
    return { ...now, goes_on: why === undefined, why: why ?? '' };
  },
});

/** PostgreSQL never removes it. */
async function historyOf(
  host: ReadHost,
  { pgdata, user }: Params,
  timeline: number,
): Promise<TimelineHistory | undefined> {
  if (timeline === 1) return undefined;
  const file = historyFileName(timelineId(timeline));
  const answer = await host.query(READ([`${pgdata}/pg_wal/${file}`], { user }));
  const told =
    answer.exitCode === 0
      ? readHistory(timelineId(timeline), answer.stdout)
      : { why: `could not be read: ${answer.stderr.trim()}` };
  if ('why' in told) throw historyUnknown(host.name, pgdata, `pg_wal/${file} ${told.why}`);
  return told;
}

function historyUnknown(host: string, pgdata: string, why: string): PitrError {
  return new PitrError({
    kind: 'failed',
    code: 'data-history-unknown',
    message: `which history the data in ${pgdata} has cannot be told: ${why}`,
    host,
    state: 'This task has changed nothing.',
    next: [`Look at what lies in ${pgdata} on ${host}, and see to it that it can be read; then run again.`],
  });
}
