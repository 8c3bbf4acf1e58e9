import { z } from 'zod';
import { formatLsn } from './lsn.ts';
import type { TimelineHistory } from './timeline.ts';

/** Which data of which cluster this is: by the promotions that it has behind it, the oldest first. */
export const pastPromotionsSchema = z.object({
  system_id: z.string(),
  timeline: z.int().min(1),
  ancestors: z.array(z.object({ timeline: z.int().min(1), until: z.string() })),
});

export type PastPromotions = z.output<typeof pastPromotionsSchema>;

/** `history`: absent on timeline 1. */
export function pastPromotions(
  systemId: string,
  timeline: number,
  history: TimelineHistory | undefined,
): PastPromotions {
  return {
    system_id: systemId,
    timeline,
    ancestors: (history?.ancestors ?? []).map((entry) => ({
      timeline: entry.timeline,
      until: formatLsn(entry.until),
    })),
  };
}

/**
 * Why data does not go on from what was there before; nothing where it does: on the same timeline, or on one that has left
 * it since (Patroni promotes a leader that was down anew). The number of a timeline alone proves nothing: two histories may
 * have taken the same one.
 */
export function whyNotOnwards(now: PastPromotions, before: PastPromotions): string | undefined {
  if (now.system_id !== before.system_id)
    return `its system identifier is ${now.system_id}, and was ${before.system_id}`;
  const way = [...now.ancestors, { timeline: now.timeline, until: undefined }];
  if (!way.some(({ timeline }) => timeline === before.timeline))
    return `it is on timeline ${now.timeline}, which does not come from timeline ${before.timeline}`;
  const differs = before.ancestors.find(
    (entry, index) => way[index]?.timeline !== entry.timeline || way[index]?.until !== entry.until,
  );
  if (differs !== undefined || way[before.ancestors.length]?.timeline !== before.timeline)
    return `its timeline ${before.timeline} has begun elsewhere than ${beginning(before)}`;
  return undefined;
}

function beginning({ ancestors }: PastPromotions): string {
  const last = ancestors.at(-1);
  return last === undefined ? 'with the cluster' : `at ${last.until} of timeline ${last.timeline}`;
}
