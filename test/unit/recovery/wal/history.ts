import { readHistory, type TimelineHistory, timelineId } from '../../../../lib/recovery/wal/timeline.ts';

/** A history that is one. Throws where the text is none. */
export function historyOf(timeline: number, text: string): TimelineHistory {
  const read = readHistory(timelineId(timeline), text);
  if ('why' in read) throw new Error(`it ${read.why}`);
  return read;
}
