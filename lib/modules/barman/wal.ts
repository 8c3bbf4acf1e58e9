import { z } from 'zod';
import type { CompleteBackup } from '../../barman/backup-info.ts';
import { backupById } from '../../barman/choose-backup.ts';
import { backupParam, serversParam, timelineParam, userParam } from '../../barman/params.ts';
import { alternativeTo, archivesFor, positionOf, wantedServers } from '../../barman/recovery-wal.ts';
import { walRefused } from '../../barman/wal-refusals.ts';
import { defineLook, type ReadHost, type TaskContext } from '../../contract/module.ts';
import { barmanResource, readCatalogueAndArchives } from '../../resources/barman.ts';
import { mergeArchives } from '../../wal/archive.ts';
import { namesOfRuns } from '../../wal/chain.ts';
import { formatInstant, secondsBetween } from '../../wal/instant.ts';
import { formatLsn } from '../../wal/lsn.ts';
import { serversUsed, walSummary } from '../../wal/plan-words.ts';
import { parseSegment } from '../../wal/segment.ts';
import { solveWal, type WalPlan } from '../../wal/solve.ts';
import { checkedTarget, type RecoveryTarget, targetTimeSchema } from '../../wal/target.ts';
import { historyFileName, timelineId } from '../../wal/timeline.ts';

const params = z.strictObject({
  backup: backupParam.describe('the backup to start from: its id, or the result of barman.backup'),
  target_time: targetTimeSchema
    .default('latest')
    .describe('`latest`, or a time with its offset: 2026-11-22 09:34:43.5+00'),
  timeline: timelineParam,
  server: z.string().optional().describe('the Barman server that holds the backup; found when left out'),
  servers: serversParam,
  user: userParam,
});

type Params = z.output<typeof params>;

export const module = defineLook({
  summary: 'Proves that all WAL between a backup and a target is archived, or refuses.',
  description: `Counts what lies on disk, over all servers of the cluster: Barman's own lists name what was archived once.
Timelines are followed by the history files of all servers. The one that was alive at the target is chosen; in the
segment in which a failover happened the one that goes on; when several were alive it refuses and asks for
\`timeline\`. Refuses targets before the backup's end and after the last archived WAL, missing and truncated segments.`,
  examples: `- barman.wal: { backup: "{{ chosen }}", target_time: "{{ target_time }}" }
  delegate_to: "{{ barman_host }}"
  register: wal`,
  params,
  returns: {
    target_time: 'the target in UTC with its offset, exact to the microsecond; or latest',
    latest: 'whether the target is latest',
    timeline: 'the timeline that recovery follows',
    first: 'the first segment that is needed',
    last: 'the segment that was being written at the target: the last one that is surely needed',
    segments: 'how many are needed',
    bytes: 'bytes of them, unpacked',
    archived_until: 'the last archived segment without a gap before it: wal, time, partial',
    end_lsn: 'the position after it: as far as replay can come',
    reachable: 'from when to when this backup can be recovered: from (a target must be later), to',
    servers_used: 'the servers whose archives are needed, the one of the backup first',
    history: 'the history files of the way: timeline, file, servers',
    summary: 'all that in a line',
  },
  dependsOn: ({ user }) => [{ kind: barmanResource.kind, id: user }],
  read: async (host, wish, context) => {
    const target = checkedTarget(wish.target_time);
    const reference =
      typeof wish.backup === 'string' ? { id: wish.backup, server: wish.server } : wish.backup;
    const from = typeof wish.backup === 'string' ? undefined : parseSegment(wish.backup.begin_wal ?? '');
    const { servers, archives } = await readCatalogueAndArchives(host, wish.user, from);
    const searched = wantedServers(servers, wish.servers, host.name);
    const holding =
      reference.server === undefined ? searched : wantedServers(servers, [reference.server], host.name);
    const backup = backupById(reference.id, holding, host.name);
    const own = archivesFor(backup, searched, archives);
    const merged = mergeArchives(own, backup.segmentSize);
    const timeline = wish.timeline === undefined ? undefined : timelineId(wish.timeline);
    const plan = solveWal(positionOf(backup), merged, target, timeline);
    if (!plan.ok) {
      throw walRefused(plan, {
        backup,
        target,
        servers: own.map(({ server }) => server),
        alternative: await alternative(host, wish, backup, target),
        host: host.name,
      });
    }
    warnings(plan, backup, target, context);
    return {
      target_time: target.kind === 'time' ? formatInstant(target.time) : 'latest',
      latest: target.kind === 'latest',
      timeline: plan.line.timeline,
      first: plan.needed[0]?.segment,
      last: plan.needed.at(-1)?.segment,
      segments: plan.needed.length,
      bytes: plan.needed.length * backup.segmentSize,
      archived_until: {
        wal: plan.archivedUntil.segment,
        time: formatInstant(plan.archivedUntil.time),
        partial: plan.archivedUntil.partial,
      },
      end_lsn: formatLsn(plan.endLsn),
      reachable: { from: formatInstant(plan.reachable.from), to: formatInstant(plan.archivedUntil.time) },
      servers_used: serversUsed(plan, merged, backup.server),
      history: plan.line.way.slice(1).map(({ timeline: id }) => ({
        timeline: id,
        file: historyFileName(id),
        servers: merged.historyServers.get(id) ?? [],
      })),
      summary: walSummary(plan, backup.segmentSize),
    };
  },
});

function warnings(plan: WalPlan, backup: CompleteBackup, target: RecoveryTarget, context: TaskContext): void {
  if (plan.gapAfter !== undefined) {
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

/** The last other backup from which this very target can be reached; it may need WAL from before this one. */
async function alternative(
  host: ReadHost,
  wish: Params,
  backup: CompleteBackup,
  target: RecoveryTarget,
): Promise<CompleteBackup | undefined> {
  const { servers, archives } = await readCatalogueAndArchives(host, wish.user);
  return alternativeTo(backup, wantedServers(servers, wish.servers, host.name), archives, target);
}
