import type { MergedArchive } from './archive.ts';
import { chainOf, isMissing, type Link, runsOf } from './chain.ts';
import type { Instant } from './instant.ts';
import { type BackupPosition, linesFrom } from './lineage.ts';
import type { WalSegment } from './segment.ts';
import { reachOf } from './solve.ts';
import type { TimelineId } from './timeline.ts';

/** Segments that are missing one after the other. */
export interface Gap {
  readonly first: WalSegment;
  readonly last: WalSegment;
  readonly segments: number;
}

/** The moments of one timeline that a backup can be rolled forward to. */
export interface Range {
  readonly timeline: TimelineId;
  /** The end of the backup, or when the timeline began: a target must be later. */
  readonly from: Instant;
  /** When the last WAL without a gap before it was written; absent where none of it can be reached. */
  readonly to?: Instant | undefined;
  /** The timeline that it left, and whether on purpose (a recovery to a moment); absent for the backup's own. */
  readonly origin?: { readonly timeline: TimelineId; readonly onPurpose: boolean } | undefined;
  /** Of its whole way: what lies behind the first one cannot be reached. */
  readonly gaps: readonly Gap[];
  /** Segments that a recovery to its end needs. */
  readonly segments: number;
  /** Servers whose files of one of its numbers tell different histories: nobody can tell which one is meant. */
  readonly conflict?: readonly string[] | undefined;
}

/**
 * All that can be reached from a backup, a range for each timeline: after a recovery the moments of the timeline that it
 * left can be reached as before. A timeline of which nothing is archived is left out.
 */
export function rangesOf(backup: BackupPosition, archive: MergedArchive): readonly Range[] {
  return linesFrom(backup, archive).flatMap((line): readonly Range[] => {
    if (line.until === undefined && line.origin !== undefined) return [];
    const chain = chainOf(line, archive);
    const conflict = archive.conflicts.find(({ timeline }) => line.way.some((s) => s.timeline === timeline));
    const gap = chain.find(isMissing);
    const begun = gap === undefined || gap.number > (line.way.at(-1)?.fromNumber ?? 0);
    return [
      {
        timeline: line.timeline,
        from: line.from,
        ...(begun && conflict === undefined ? { to: reachOf(chain, backup) } : {}),
        ...(line.origin === undefined ? {} : { origin: line.origin }),
        gaps: runsOf(chain.filter(isMissing)).map(gapOf),
        segments: gap === undefined ? chain.length : chain.indexOf(gap),
        ...(conflict === undefined ? {} : { conflict: conflict.servers }),
      },
    ];
  });
}

function gapOf(run: { readonly first: Link; readonly last: Link; readonly count: number }): Gap {
  return { first: run.first.segment, last: run.last.segment, segments: run.count };
}
