import { z } from 'zod';
import { defineLook, type TaskContext } from '../../contract/module.ts';
import { barmanResource } from '../../recovery/barman/catalogue.ts';
import {
  backupParam,
  leaderTimelineParam,
  serversParam,
  tailsParam,
  timelineParam,
  userParam,
} from '../../recovery/barman/params.ts';
import { isArchive, type RecoveryWal, readRecoveryWal } from '../../recovery/barman/prove-wal.ts';
import { restsOn } from '../../recovery/barman/rests-on.ts';
import type { RecoveryTimeline } from '../../recovery/postgres/recovery-settings.ts';
import { namesOfRuns } from '../../recovery/wal/chain.ts';
import { formatInstant, secondsBetween } from '../../recovery/wal/instant.ts';
import { formatLsn } from '../../recovery/wal/lsn.ts';
import { reachedWords, walSummary } from '../../recovery/wal/plan-words.ts';
import { parseSegment } from '../../recovery/wal/segment.ts';
import { spoolRuns } from '../../recovery/wal/spool-runs.ts';
import { checkedTarget, targetData, targetSchema, targetTimeSchema } from '../../recovery/wal/target.ts';
import { historyFileName } from '../../recovery/wal/timeline.ts';

const params = z.strictObject({
  backup: backupParam.describe('the backup to start from: its id, or the result of barman.backup'),
  target_time: targetTimeSchema
    .default('latest')
    .describe('`latest`, or a time with its offset: 2026-11-22 09:34:43.5+00'),
  target: targetSchema
    .optional()
    .describe(
      'any target: `latest`, a time, or a mapping with one of time, lsn, xid, name, immediate; instead of target_time',
    ),
  unarchived: z
    .enum(['refuse', 'allow'])
    .default('refuse')
    .describe('allow: a target after the last archived WAL, where that WAL is still to be archived'),
  tails: tailsParam,
  timeline: timelineParam,
  leader_timeline: leaderTimelineParam,
  unpacked_until: z
    .string()
    .optional()
    .describe(
      'a segment: compressed ones up to it were unpacked by an earlier task, and are not once more (`last`)',
    ),
  accept_gap: z
    .boolean()
    .default(false)
    .describe(
      'where segments are missing: go as far as there are some, to the end of WAL before the first gap',
    )
    .meta({ variable: 'accept_gap' }),
  server: z.string().optional().describe('the Barman server that holds the backup; found when left out'),
  servers: serversParam,
  user: userParam,
});

export const module = defineLook({
  summary: 'Proves that all WAL between a backup and a target is archived, or refuses.',
  description: `Counts what lies on disk, over all servers of the cluster: Barman's own lists name what was archived once.
Timelines are followed by the history files of all servers. The one that was alive at the target is chosen; in the
segment in which a failover happened the one that goes on; for \`latest\` that of the living leader; when several were alive it refuses and asks for
\`timeline\`. Refuses targets before the backup's end and after the last archived WAL, missing and truncated segments.
A file of the right name and size is not yet the segment: the first page of each must name cluster, position and timeline.
The size of a compressed segment says nothing: each one that is needed is unpacked, and one that Barman cannot deliver
whole is missing (about a tenth of a second each with gzip; others Barman itself unpacks).`,
  examples: `- barman.wal: { backup: "{{ chosen }}", target_time: "{{ target_time }}" }
  delegate_to: "{{ barman_host }}"
  register: wal`,
  params,
  returns: {
    target: 'the target as a mapping, as other modules take it; with an accepted gap it is latest',
    words: 'the target in words; with an accepted gap the end of what lies before it',
    target_time: 'a time in UTC with its offset, exact to the microsecond; else latest',
    latest: 'whether the target is latest',
    unarchived: 'whether the target lies after the last archived WAL',
    gap: 'with accept_gap, where segments are missing: missing (names), wanted (the target that cannot be reached)',
    timeline: 'the timeline that recovery follows',
    follow:
      'the same as PostgreSQL must be told it: current where it is that of the backup and no archive has its history file',
    first: 'the first segment that is needed',
    begin_wal:
      "the backup's first segment: its own server shows it for as long as its archive can be looked at",
    last: 'the segment that was being written at the target: the last one that is surely needed',
    segments: 'how many are needed',
    bytes: 'bytes of them, unpacked',
    spool: 'the same for barman.spool: segment_size, and runs of them (server, wals, first, last)',
    archived_until: 'the last archived segment without a gap before it: wal, time, partial',
    end_lsn: 'the position after it: as far as replay can come',
    reachable: 'from when to when this backup can be recovered: from (a target must be later), to',
    servers_used: 'the servers whose archives are needed, the one of the backup first',
    holds: 'backups that barman.keep must hold until the recovery is decided: server, backup',
    unheld: 'servers whose WAL is needed and is older than all of their backups: nothing holds it',
    history: 'the history files of the way: timeline, file, servers',
    summary: 'all that in a line',
  },
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, wish, context) => {
    const wanted = wish.target ?? wish.target_time;
    const proved = parseSegment(wish.unpacked_until ?? '');
    const wal = await readRecoveryWal(host, {
      ...wish,
      target: checkedTarget(wanted),
      leaderTimeline: wish.leader_timeline,
      acceptGap: wish.accept_gap,
      allowUnarchived: wish.unarchived === 'allow',
      unpack: proved === undefined ? 'all' : { after: proved },
      progress: (text) => context.progress(text),
    });
    const { backup, plan, merged, target } = wal;
    warnings(wal, context);
    return {
      target: targetData(target),
      words: reachedWords(target, plan, wal.gap),
      target_time: target.kind === 'time' ? formatInstant(target.time) : 'latest',
      latest: target.kind === 'latest',
      unarchived: wal.unarchived,
      ...(wal.gap === undefined ? {} : { gap: { missing: wal.gap, wanted } }),
      timeline: plan.line.timeline,
      follow: timelineToFollow(wal),
      first: plan.needed[0]?.segment,
      begin_wal: backup.beginWal,
      last: plan.needed.at(-1)?.segment,
      segments: plan.needed.length,
      bytes: plan.needed.length * backup.segmentSize,
      spool: { segment_size: backup.segmentSize, runs: spoolRuns(plan.needed, walsOf(wal)) },
      archived_until: {
        wal: plan.archivedUntil.segment,
        time: formatInstant(plan.archivedUntil.time),
        partial: plan.archivedUntil.partial,
      },
      end_lsn: formatLsn(plan.endLsn),
      reachable: { from: formatInstant(plan.reachable.from), to: formatInstant(plan.archivedUntil.time) },
      ...restsOn(wal),
      history: plan.line.way.slice(1).map(({ timeline: id }) => ({
        timeline: id,
        file: historyFileName(id),
        servers: (merged.historyServers.get(id) ?? []).filter(isArchive(wal)),
      })),
      summary: walSummary(plan, backup.segmentSize),
    };
  },
});

function timelineToFollow(wal: RecoveryWal): RecoveryTimeline {
  const { timeline, way } = wal.plan.line;
  const known = (wal.merged.historyServers.get(timeline) ?? []).some(isArchive(wal));
  return way.length === 1 && timeline > 1 && !known ? 'current' : timeline;
}

/** Where an archive keeps its segments; nothing for the pg_wal of a node. */
function walsOf(wal: RecoveryWal): (server: string) => string | undefined {
  const archived = isArchive(wal);
  return (name) => (archived(name) ? wal.servers.find((server) => server.name === name)?.wals : undefined);
}

function warnings({ plan, backup, target, gap }: RecoveryWal, context: TaskContext): void {
  if (gap !== undefined) {
    context.warn(
      `WAL is missing (${gap.join(', ')}): recovery ends at ${formatInstant(plan.archivedUntil.time)}; what was written later is lost, as you have accepted.`,
    );
  }
  if (plan.gapAfter !== undefined && target.kind !== 'latest') {
    const [name] = namesOfRuns([plan.gapAfter]);
    context.warn(
      `WAL is missing after the target (${name}): later moments cannot be reached from this backup.`,
    );
  }
  if (target.kind !== 'time') return;
  const seconds = secondsBetween(backup.endTime, target.time);
  if (seconds < 10) {
    context.warn(
      `The target is ${seconds} s after the end of the backup: it holds hardly more than the backup itself.`,
    );
  }
}
