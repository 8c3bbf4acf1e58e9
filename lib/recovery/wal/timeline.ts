import { type Lsn, parseLsn } from './lsn.ts';

declare const brand: unique symbol;

/** The number of a timeline: 1 after initdb, one more than any known one at each promotion. */
export type TimelineId = number & { readonly [brand]: 'TimelineId' };

const LAST_TIMELINE = 0xffff_ffff;

/** A number as a timeline. Throws when no timeline can have it. */
export function timelineId(number: number): TimelineId {
  if (!Number.isInteger(number) || number < 1 || number > LAST_TIMELINE)
    throw new RangeError(`no timeline: ${number}`);
  return number as TimelineId;
}

/** `00000002.history` */
export function historyFileName(timeline: TimelineId): string {
  return `${timeline.toString(16).toUpperCase().padStart(8, '0')}.history`;
}

/** One ancestor in a history file: this timeline, up to where the next one left it. */
export interface HistoryEntry {
  readonly timeline: TimelineId;
  /** The position at which the next timeline begins. */
  readonly until: Lsn;
  /** PostgreSQL's own words: `no recovery target specified`, `before 2026-11-22 09:34:43.1+00`. */
  readonly reason: string;
}

/** Where a timeline comes from: its ancestors, the oldest first. Timeline 1 has none. */
export interface TimelineHistory {
  readonly timeline: TimelineId;
  readonly ancestors: readonly HistoryEntry[];
}

/** What no history file comes near to: PostgreSQL writes one short line for each ancestor. */
export const LONGEST_HISTORY = 1024 * 1024;

/**
 * Reads a `.history` file, or says why it cannot be believed (as the end of a sentence that begins with "it", without
 * any of its bytes). Lines are `<parent timeline> <position> <reason>`; empty lines and comments are skipped. What
 * PostgreSQL would refuse is refused: unreadable lines, timelines that do not ascend. Also a file without any ancestor:
 * every promotion writes one, so that this one was not written whole. Positions need not ascend: a recovery to a moment
 * before its timeline began leaves them so.
 */
export function readHistory(timeline: TimelineId, text: string): TimelineHistory | { readonly why: string } {
  const ancestors: HistoryEntry[] = [];
  if (text.trim() === '') return { why: text === '' ? 'is empty' : 'holds nothing but white space' };
  if (text.length > LONGEST_HISTORY) return { why: `has more than ${LONGEST_HISTORY} bytes` };
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const match = /^\s*(\d{1,10})\s+([0-9A-Fa-f]+\/[0-9A-Fa-f]+)\s*(.*?)\s*$/.exec(line);
    const until = parseLsn(match?.[2] ?? '');
    const parent = Number(match?.[1] ?? 0);
    if (match === null || until === undefined || parent < 1 || parent > LAST_TIMELINE)
      return { why: `is not the history of a timeline: line ${index + 1} names no timeline and position` };
    if (parent <= (ancestors.at(-1)?.timeline ?? 0)) return { why: 'names timelines that do not ascend' };
    ancestors.push({ timeline: timelineId(parent), until, reason: match[3] ?? '' });
  }
  const last = ancestors.at(-1);
  if (last === undefined) return { why: 'names no timeline that it comes from' };
  if (last.timeline >= timeline) return { why: 'names an ancestor that is not older than itself' };
  return { timeline, ancestors };
}

/** Whether two files tell the same story; the words of the reasons may differ in white space. */
export function sameHistory(one: TimelineHistory, other: TimelineHistory): boolean {
  return (
    one.timeline === other.timeline &&
    one.ancestors.length === other.ancestors.length &&
    one.ancestors.every((entry, index) => {
      const second = other.ancestors[index];
      return second?.timeline === entry.timeline && second.until === entry.until;
    })
  );
}

/** Whether the promotion ended a recovery that was told where to stop: a branch on purpose, not a failover. */
export function stoppedAtTarget(entry: HistoryEntry): boolean {
  return !/^no recovery target specified/.test(entry.reason);
}
