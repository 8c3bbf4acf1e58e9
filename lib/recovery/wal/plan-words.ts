import type { MergedArchive } from './archive.ts';
import { formatInstant } from './instant.ts';
import type { SegmentSize } from './segment.ts';
import type { WalPlan } from './solve.ts';
import { type RecoveryTarget, targetWords } from './target.ts';

/**
 * The servers that a restore_command must ask: the backup's own first, then those that hold what no server before
 * them holds, segments and history files alike.
 */
export function serversUsed(plan: WalPlan, archive: MergedArchive, first: string): readonly string[] {
  const used = [first];
  const need = (servers: readonly string[]): void => {
    const [holder] = servers;
    if (holder !== undefined && !servers.some((server) => used.includes(server))) used.push(holder);
  };
  for (const link of plan.needed) need(link.servers);
  for (const { timeline } of plan.line.way.slice(1)) need(archive.historyServers.get(timeline) ?? []);
  return used;
}

/** The plan in a line: how many segments, from where to where, and how far the archive goes. */
export function walSummary(plan: WalPlan, segmentSize: SegmentSize): string {
  const count = plan.needed.length;
  const mib = (count * segmentSize) / (1024 * 1024);
  const [first] = plan.needed;
  const last = plan.needed.at(-1);
  const names = first === last ? `${first?.segment}` : `${first?.segment} to ${last?.segment}`;
  return (
    `${count} WAL ${count === 1 ? 'segment' : 'segments'} (${names}, ${mib} MiB) on timeline ${plan.line.timeline}, ` +
    `all on disk; archived until ${formatInstant(plan.archivedUntil.time)}`
  );
}

/** The target in words. With an accepted gap that is the end of what lies before it, however much is archived after it. */
export function reachedWords(
  target: RecoveryTarget,
  plan: WalPlan,
  gap: readonly string[] | undefined,
): string {
  return gap === undefined
    ? targetWords(target)
    : `the end of the WAL before the gap (${formatInstant(plan.archivedUntil.time)})`;
}
