import { z } from 'zod';
import { defineLook } from '../../contract/module.ts';
import { readTail } from '../../recovery/postgres/look-tail.ts';
import { instanceParams } from '../../recovery/postgres/params.ts';
import { whyDamaged } from '../../recovery/postgres/pg-wal.ts';
import { formatEpoch } from '../../recovery/wal/instant.ts';
import { formatLsn } from '../../recovery/wal/lsn.ts';
import { endOfSegment, parseSegment, startOfSegment, timelineOf } from '../../recovery/wal/segment.ts';

const params = z.strictObject({
  pgdata: instanceParams.pgdata,
  user: instanceParams.user,
  leader_timeline: z
    .int()
    .min(0)
    .default(0)
    .describe('the timeline of the living leader, which archives it itself; 0 where nobody leads'),
  finished: z
    .boolean()
    .default(false)
    .describe(
      'whether the finished segments of a running primary count, too, which its archiver has sent, or lets wait for more than a minute',
    ),
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Tells what WAL lies in pg_wal of a node, that may be in no archive yet.',
  description: `Works on data that no PostgreSQL runs on, too: after a crash the last commits are there and nowhere else. A
standby has what it received, and never archives it. Of a running primary only what waits for an archiver that fails is
named: it archives the rest itself (with \`finished\` that is named, too). A segment counts by what stands on its first page (files that wait to be used again
have the names of segments to come); the last one of a timeline is a beginning. What of it is archived the archives
know: hand the results of all nodes to barman.backup, barman.wal and barman.moment (\`tails\`). One round trip.`,
  examples: `- postgres.tail: {}
  register: tail
- barman.wal: { backup: "{{ chosen }}", tails: "{{ pluck hostvars groups.patroni 'tail' }}" }
  delegate_to: "{{ barman_host }}"
  run_once: true`,
  params,
  returns: {
    node: 'the host',
    pgdata: 'its data directory',
    user: 'the OS user that owns it',
    system_id: 'of the cluster, as text',
    running: 'whether an instance runs on it',
    role: 'primary or recovering',
    archiver: 'none, working or failing',
    waiting: 'how many segments wait for the archiver of a running primary, and are not among the files',
    segments: 'how many segments there are',
    timeline: 'of the last one',
    from: 'position at which the first one begins',
    to: 'position at which the last one ends',
    last_partial: 'the last segment, where only its beginning was written',
    files: 'each one: name, partial, time (of its last write, seconds since 1970)',
    histories: 'history files: name, text, time',
  },
  dependsOn: (p: Params) => [
    { kind: 'postgres', id: p.pgdata },
    { kind: 'path', id: p.pgdata },
  ],
  read: async (host, p, context) => {
    const { pgdata, user } = p;
    const tail = await readTail(host, {
      pgdata,
      user,
      exceptTimeline: p.leader_timeline,
      finished: p.finished,
    });
    const { instance, control, files, histories } = tail;
    for (const one of histories) {
      const why = whyDamaged(one);
      if (why !== undefined)
        context.warn(`${pgdata}/pg_wal/${one.name} ${why}: it is not believed, and not archived.`);
    }
    const segments = files.flatMap(({ name }) => parseSegment(name) ?? []);
    const [first] = segments;
    const last = segments.at(-1);
    const partial = files.findLast((file) => file.partial)?.name;
    return {
      node: host.name,
      pgdata,
      user,
      system_id: control.systemId,
      running: instance.running,
      role: instance.role,
      archiver: tail.archiver,
      waiting: tail.waiting,
      segments: segments.length,
      ...(first === undefined || last === undefined
        ? {}
        : {
            timeline: timelineOf(last),
            from: formatLsn(startOfSegment(first, control.segmentSize)),
            to: formatLsn(endOfSegment(last, control.segmentSize)),
          }),
      ...(partial === undefined ? {} : { last_partial: partial }),
      files: files.flatMap(({ name, partial, time }) =>
        parseSegment(name) === undefined ? [] : [{ name, partial, time: formatEpoch(time) }],
      ),
      histories: histories.map(({ name, text, time }) => ({ name, text, time: formatEpoch(time) })),
    };
  },
});
