import { bootMark } from '../../lib/engine/journal/beginning.ts';

/**
 * The times of a journal, moved: how old a change is decides which processes can be its own. It was this boot of the machine:
 * one of another boot would be a machine of the same name.
 */
export function aMinuteAgo(journal: string): string {
  const first = Number(/"time":(\d+)/.exec(journal)?.[1]);
  const by = Date.now() - 60_000 - first;
  return journal
    .replace(/"time":(\d+)/g, (_, time) => `"time":${Number(time) + by}`)
    .replace(/"process":"[^:"]*:/g, `"process":"${bootMark()}:`);
}
