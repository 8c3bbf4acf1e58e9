import type { ReadHost } from '../../contract/host.ts';
import type { TaskContext } from '../../contract/module.ts';
import { type Archive, mergeArchives } from '../wal/archive.ts';
import { chainOf } from '../wal/chain.ts';
import { stopWords } from '../wal/moment/aim.ts';
import { findMoment } from '../wal/moment/find.ts';
import { DamagedWal } from '../wal/moment/scan-chain.ts';
import { numberHolding } from '../wal/segment.ts';
import type { RecoveryTarget } from '../wal/target.ts';
import type { TimelineId } from '../wal/timeline.ts';
import type { CompleteBackup } from './backup-info.ts';
import type { ServerConfig } from './config.ts';
import { sameNameWords } from './moment-notes.ts';
import { archivesFor, solveFor } from './recovery-wal.ts';
import type { Stock } from './refusals.ts';
import { readingOf } from './segment-source.ts';

/** Where to look for a transaction or a restore point. */
export interface Search {
  /** The last to end first. */
  readonly usable: readonly CompleteBackup[];
  readonly servers: readonly ServerConfig[];
  readonly searched: readonly Stock[];
  readonly archives: readonly Archive[];
  readonly target: RecoveryTarget;
  readonly timeline: TimelineId | undefined;
  readonly user: string;
}

/**
 * Looks for a transaction or a restore point in the WAL behind the newest backup, then between it and the one before,
 * and so on. The target with its place (others of its name behind it are told in a warning); as it is where it is not found (who looks at it closely will say so).
 */
export async function findInBackups(
  host: ReadHost,
  search: Search,
  context: Pick<TaskContext, 'progress' | 'warn'>,
): Promise<RecoveryTarget> {
  const { target, user } = search;
  let until: number | undefined;
  for (const backup of search.usable) {
    const { segmentSize } = backup;
    const wal = { servers: search.searched, archives: search.archives };
    const plan = await solveFor(backup, wal, target, { timeline: search.timeline });
    if (!plan.ok) continue;
    const merged = mergeArchives(archivesFor(backup, search.searched, search.archives), segmentSize);
    const before = until;
    const chain = chainOf(plan.line, merged).filter(
      // A record that begins in the last segment before the newer backup may end in the first one after.
      ({ number }) => number <= plan.archivedUntil.number && (before === undefined || number <= before + 1),
    );
    until = numberHolding(backup.beginLsn, segmentSize);
    const question = { target, chain, segmentSize, consistentAt: backup.endLsn, systemId: backup.systemId };
    try {
      const { stop, sameName = [] } = await findMoment(
        question,
        readingOf(
          { backup, servers: search.servers, tails: [] },
          { host, user, context, about: `behind backup ${backup.id}` },
        ),
      );
      if (
        stop !== undefined &&
        (target.kind === 'xid' || target.kind === 'name') &&
        stop.lsn >= backup.endLsn
      ) {
        if (sameName.length > 0)
          context.warn([`Recovery stops ${stopWords(stop)}.`, ...sameNameWords(sameName)].join(' '));
        return { ...target, foundAt: stop.lsn };
      }
    } catch (thrown) {
      // The look at the chosen backup's WAL tells about the damage; another backup may lead past it.
      if (!(thrown instanceof DamagedWal)) throw thrown;
    }
  }
  return target;
}
